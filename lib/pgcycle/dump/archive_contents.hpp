// The table of contents of pg_dump's archives: custom and directory form.
//
// Source: ReadHead, ReadToc and the custom and directory formats of pg_dump
// (src/bin/pg_dump/pg_backup_archiver.c), archive versions 1.12 to 1.16, that is of
// PostgreSQL 9.0 to 18.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::dump {

// Reads an archive's numbers and strings from a place in it on. Throws Error{input} at the
// file's end.
class ArchiveReader {
 public:
  explicit ArchiveReader(const std::filesystem::path& file, std::uint64_t position = 0);

  void set_integer_bytes(int bytes) { integer_bytes_ = bytes; }
  std::uint64_t position() const { return position_; }
  bool at_end();

  std::uint8_t byte();
  int integer();                      // signed, in the archive's own width
  std::optional<std::string> text();  // nothing for the NULL that ends lists
  // Up to `most` bytes, a view until the next call.
  std::string_view some(std::size_t most);
  std::string bytes(std::size_t count);

  // Appends what is read from here on to `copy` too; nullptr ends it.
  void copy_to(std::string* copy) { copy_ = copy; }

 private:
  bool fill();

  FileDescriptor file_;
  std::uint64_t position_;  // of the next byte in the file
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
  int integer_bytes_ = 4;
  std::string* copy_ = nullptr;
};

struct ArchiveEntry {
  int id = 0;
  std::string name;         // of the object
  std::string description;  // "TABLE DATA", "INDEX" and so on
  std::string statements;   // that make it
  std::string schema;       // that it is in; may be empty
  std::string owner;
  bool is_post_data = false;
  std::vector<int> dependencies;
  std::string file;                       // directory form: what holds its data; may be empty
  std::optional<std::uint64_t> position;  // custom form: where its data begins
  bool lost_its_position = false;         // custom form: it has data, somewhere
  std::string body;                       // what stands between the id and the dependencies
};

class ArchiveContents {
 public:
  // Nothing for what this reader does not understand from the first byte to the last, so that
  // the caller leaves it to pg_restore. `file` is a custom archive or a directory's toc.dat.
  static std::optional<ArchiveContents> read(const std::filesystem::path& file);
  // The same of a dump, and nothing for what is no such archive.
  static std::optional<ArchiveContents> of_dump(const DumpFile& dump);

  bool is_custom() const { return is_custom_; }
  int integer_bytes() const { return integer_bytes_; }
  // Of the data of a custom archive; a directory's files tell by their names.
  bool is_gzipped() const { return is_gzipped_; }

  std::vector<ArchiveEntry>& entries() { return entries_; }
  const std::vector<ArchiveEntry>& entries() const { return entries_; }

  // Gives the entries' ids out anew, to whatever `bytes_of_data` (by entry) makes heaviest first
  // and to what follows from a table's rows like those. pg_restore, which takes the heaviest of
  // what is ready, goes by ids where it cannot see how much a file holds.
  void number_by_weight(const std::vector<std::uint64_t>& bytes_of_data);

  // As the toc.dat of a directory whose files are not compressed.
  std::string as_directory() const;

 private:
  ArchiveContents() = default;
  void read_header(ArchiveReader& reader);
  ArchiveEntry read_entry(ArchiveReader& reader);
  std::string integer(int value) const;
  std::string text(std::string_view value) const;

  bool is_custom_ = false;
  bool is_gzipped_ = false;
  int version_ = 0;  // minor: 12 for 1.12
  int integer_bytes_ = 4;
  int offset_bytes_ = 8;
  std::string start_;   // of the header, up to the form
  std::string header_;  // what follows the compression, with the number of entries
  std::vector<ArchiveEntry> entries_;
};

}  // namespace pgcycle::dump
