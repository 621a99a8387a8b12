// A plain SQL dump on its way to psql, line by line.
//
// A dump restores into the database that pgcycle chose and as its own role, so what
// would go elsewhere is left out: statements on databases, roles and tablespaces, subscriptions,
// security labels, owners, grants, extensions that the server lacks, \connect and \restrict. Any
// other command of psql is refused, since it could run programs or read files. Lines that are left
// out come out empty, so that psql's line numbers are those of the dump. A dump without pg_dump's
// closing line is cut short.
//
// Thread rule: one thread. Errors: Error{input} with file and line.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "pgcycle/dump/dump_file.hpp"

namespace pgcycle::dump {

class PlainDumpFilter {
 public:
  explicit PlainDumpFilter(std::string file, OwnersAndGrants owners = OwnersAndGrants::left_out,
                           HasExtension has_extension = {})
      : file_(std::move(file)),
        owners_and_grants_(owners),
        has_extension_(std::move(has_extension)) {}

  // What a line is. A statement is told by its first line.
  enum class Line {
    other,
    insert_statement,
    copy_statement,
    copy_row,
    copy_end,
    transaction,   // BEGIN or COMMIT, as stand around large objects
    large_object,  // a call that fills one
    unknown,       // a statement that pg_dump does not write
  };

  // Takes the next line, without its newline; returns what psql gets instead.
  std::string_view pass(std::string_view line);
  Line last_line() const { return last_; }
  int line_number() const { return line_; }
  // A statement may begin in the next line.
  bool is_between_statements() const {
    return !in_copy_ && inside_ == Inside::nothing && !in_statement_;
  }
  // Of a COPY's lines: they come out empty.
  bool leaves_rows_out() const { return leaves_rows_out_; }
  // Throws when the dump ended too early.
  void finish() const;

  std::uint64_t owners_left_out() const { return owners_; }
  std::uint64_t grants_left_out() const { return grants_; }

 private:
  enum class Inside {
    nothing,
    single_quotes,
    escaped_quotes,
    double_quotes,
    dollar_quotes,
    comment
  };

  void begin_statement(std::string_view line);
  bool is_of_lacking_extension(std::string_view line);
  void take_command(std::string_view line);
  void scan(std::string_view line);
  void scan_plain(std::string_view line, std::size_t& i);

  std::string file_;
  OwnersAndGrants owners_and_grants_;
  HasExtension has_extension_;
  bool lacks_extension_ = false;
  std::set<std::string, std::less<>> schemas_of_extensions_;  // that are there, as written
  std::set<std::string, std::less<>> made_;                   // tables and their schemas, likewise
  bool leaves_rows_out_ = false;                              // of the COPY
  int line_ = 0;
  Inside inside_ = Inside::nothing;
  std::string tag_;  // $tag$ of the open dollar quotes
  int depth_ = 0;    // nested comments
  bool in_statement_ = false;
  bool leave_out_ = false;
  bool copy_follows_ = false;
  bool in_copy_ = false;
  bool complete_ = false;
  Line last_ = Line::other;
  std::string connected_;  // the first \connect, as written
  std::uint64_t owners_ = 0;
  std::uint64_t grants_ = 0;
};

}  // namespace pgcycle::dump
