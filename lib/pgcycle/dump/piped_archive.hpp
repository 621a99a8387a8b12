// An archive whose rows reach pg_restore through pipes, decompressed on the way.
//
// pg_restore inflates with zlib, in the process that sends the rows; that is a sixth of all
// the work of a restore, and it waits meanwhile. Here ISA-L does it, in a third of the time and
// beside it: pg_restore is given a directory archive whose table of contents is the dump's,
// and whose data files are named pipes. All else stays pg_restore's work.
//
// What a killed run leaves of such a directory, names without content, the next one removes, once
// it is a minute old.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "pgcycle/config/config.hpp"
#include "pgcycle/dump/archive_contents.hpp"
#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::dump {

class PipedArchive {
 public:
  // Below this the pipes cost what they save.
  static constexpr std::uint64_t kLeastBytes = std::uint64_t{4} << 20;
  // Each table's pipe has a thread that waits for its reader; fewer where not as many files
  // may be open.
  static constexpr std::size_t kMostTables = 1000;

  // Nothing where `dump` is no archive with at least `least_bytes` of rows under gzip, or one
  // that pg_restore had better read itself (large objects in one file, rows whose place in the
  // file was not written down, a form not known).
  static std::unique_ptr<PipedArchive> open(const DumpFile& dump, const Environment& environment,
                                            std::uint64_t least_bytes = kLeastBytes);
  ~PipedArchive();
  PipedArchive(const PipedArchive&) = delete;
  PipedArchive& operator=(const PipedArchive&) = delete;

  // What pg_restore is to read.
  const DumpFile& dump() const { return dump_; }
  // To be called when pg_restore has ended, however it ended. Throws Error{step} where rows
  // could not be decompressed: then not all of them are in the database, whatever it said.
  void finish();

 private:
  // The rows of one table.
  struct Rows {
    std::string pipe;            // its name
    std::filesystem::path file;  // that holds them
    std::optional<std::uint64_t> position;
    std::thread thread;  // that feeds the pipe
  };

  PipedArchive(const DumpFile& dump, const ArchiveContents& contents, std::filesystem::path place);
  void feed(const Rows& rows);
  void inflate(const Rows& rows, int pipe);
  bool write(int pipe, std::string_view bytes);
  void stop();

  const DumpFile source_;
  const int integer_bytes_;
  const std::filesystem::path directory_;
  const FileDescriptor lock_;  // of the directory: somebody uses it
  const UnnamedFile contents_;
  DumpFile dump_;
  std::list<Rows> rows_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::optional<Error> failure_;  // the first, under the mutex
};

}  // namespace pgcycle::dump
