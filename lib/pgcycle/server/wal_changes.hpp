// Which relations of one database were written to, read from the write-ahead log.
//
// The server decodes its own log (extension pg_walinspect, PostgreSQL 15 and newer, for
// superusers), installed in the maintenance database. Only records that change rows of
// heap tables count: neither locks of rows, nor vacuum, nor indexes, nor statistics that
// are updated in place; and, where asked for, those that move sequences. A record stands for its
// relation's file, by relfilenode.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::server {

class WalReader {
 public:
  enum class Extension { install, as_it_is };
  // Looks for the extension, and installs it where it may and the role can.
  explicit WalReader(postgres::Connection& maintenance, Extension extension = Extension::install);

  // Why the log cannot be read; empty when it can.
  const std::string& obstacle() const { return obstacle_; }

  // The relfilenodes of database `oid` that were written to from `start` to `end`
  // (positions as PostgreSQL writes them), but for transaction `except` if not empty.
  // Throws Error{statement} when that part of the log is gone, or no record begins after `start`.
  enum class Records { rows, rows_and_sequences };
  std::set<std::uint32_t> changed_relations(std::uint32_t oid, const std::string& start,
                                            const std::string& end, const std::string& except,
                                            Records records = Records::rows);
  // Makes sure that the log is on disk up to where it is now, and so readable.
  void flush();

 private:
  postgres::Connection& maintenance_;
  std::string changes_;  // the statement
  std::string obstacle_;
};

}  // namespace pgcycle::server
