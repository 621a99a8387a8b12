// Which tables and sequences of a database may have been written to since an earlier moment, told
// by the write-ahead log (wal_changes.hpp), so that nobody has to read their rows.
//
// A mark is a place in the log; it serves where every transaction that had written to the database
// before it has ended. What the log does not tell counts as written: unlogged and foreign tables,
// other access methods, relations whose entry in pg_class is of a later transaction (TRUNCATE,
// VACUUM FULL, a new name). A sequence that has values drawn ahead at the mark (log_cnt) moves
// without a trace: the caller is to leave none so. A mark lasts until the server is started again,
// since only within one run can the log not be another one.
//
// Thread rule: one thread. Errors: none for what the log cannot tell; the answer is nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/wal_changes.hpp"

namespace pgcycle::server {

class ChangeTracker {
 public:
  struct Mark {
    std::string position;          // of the log's end, as PostgreSQL writes it
    std::string on_disk;           // position up to which it cannot be lost
    std::string next_transaction;  // which has not begun
    std::string server_start;
    std::string database;         // its oid
    std::string own_transaction;  // whose records tell nothing new; empty: none
    bool is_settled = false;      // nobody has written and not ended, as far as the role may know
  };
  // What there is to watch, by oid.
  struct Relations {
    std::vector<std::uint32_t> all;
    std::vector<std::uint32_t> partitioned;  // those of them whose rows are in partitions
  };
  struct Changes {
    std::set<std::uint32_t> relations;
    bool definitions = false;  // some catalogue other than statistics was written to
  };

  // `open` opens a session with a database of the server where the extension is or may be, once
  // the log is to be read.
  ChangeTracker(std::function<postgres::Connection()> open, WalReader::Extension extension)
      : open_(std::move(open)), extension_(extension) {}

  // To be asked for before anything is looked at.
  static Mark mark(postgres::Connection& session);
  // A mark behind a transaction of one's own: an expression to select before anything is looked at
  // for it, and what to ask once it is committed. Settled where nobody else on the server has begun
  // to write meanwhile, so that all is as that transaction left it.
  static std::string writers_sql();
  static std::vector<postgres::Statement> questions_behind();
  static Mark mark_behind(const std::string& writers_before, const std::string& own_transaction,
                          const std::vector<postgres::Result>& answers);

  // What was written from the mark until now. Nothing where the log does not tell, or would be
  // more than `most_bytes` to read. Where the log had to be brought to disk first, which writes to
  // it, `now` is asked for again.
  std::optional<Changes> since(const Mark& mark, Mark& now, std::uint64_t most_bytes,
                               postgres::Connection& session, const Relations& relations);
  // Opens its session while there is time; else the first answer does.
  void open() { reader(); }
  bool is_open() const { return reader_.has_value(); }

 private:
  WalReader* reader();
  void close();

  std::function<postgres::Connection()> open_;
  WalReader::Extension extension_;
  std::optional<postgres::Connection> maintenance_;
  std::optional<WalReader> reader_;
  bool is_obstructed_ = false;
};

}  // namespace pgcycle::server
