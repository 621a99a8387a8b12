// Putting a clone back as it was without making it anew.
//
// What was written since is read from the write-ahead log (wal_changes.hpp): nothing, or
// rows of some tables. In those, each row is known by its place and the transaction that
// wrote it: what is not of the original goes, what is missing comes back. A TRUNCATE shows as
// another file of the same table; pg_class is compared for that. Sequences move without a trace in
// the log, so their values are compared. Everything else is left to a new clone, and the outcome
// says why: DDL, unlogged tables, materialized views, triggers that fire on replicas too, much
// data, or no right to read the log.
//
// Thread rule: one thread; each clone is used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/wal_changes.hpp"

namespace pgcycle::server {

enum class ResetWay { untouched, sequences, tables, reclone };
std::string_view name_of(ResetWay way);

struct InPlaceOutcome {
  ResetWay way = ResetWay::untouched;
  std::vector<std::string> tables;  // whose rows were put back, in order of name
  std::string reason;               // of a new clone
};

// "ctid xmin" of each row, and its number in the original.
using TupleMap = std::unordered_map<std::string, std::size_t>;

// What the reset remembers of one clone; made by `InPlaceReset::watch`.
struct WatchedClone {
  std::uint32_t oid = 0;
  std::string position;  // in the log; all before is as in the original
  std::string own_transaction;
  std::map<std::uint32_t, std::size_t> new_files;  // of tables that were truncated
  std::map<std::size_t, TupleMap> tuples;          // of tables that were put back
};

class InPlaceReset {
 public:
  // `original` is a database that no one writes to and that all clones are copies of.
  InPlaceReset(postgres::Connection& maintenance, postgres::Connection& original);

  // Why every reset needs a new clone; empty when some can do without.
  const std::string& obstacle() const { return obstacle_; }

  // Starts to watch a clone that nobody has written to, through a session with it that
  // stays with it.
  WatchedClone watch(postgres::Connection& session) const;
  // Puts the clone back, or says that it needs a new one.
  InPlaceOutcome reset(WatchedClone& clone, postgres::Connection& session);
  // Takes note, while there is time, that nothing but the last reset itself was written.
  void settle(WatchedClone& clone, postgres::Connection& session);

 private:
  struct Table {
    std::uint32_t oid = 0;
    std::string name;  // as SQL
    std::string columns;
    std::string select, remove, insert;  // statements
    std::string obstacle;
    std::uint64_t bytes = 0;
    // Once they were needed:
    bool loaded = false;
    std::vector<postgres::Parameters> rows;
    TupleMap tuples;  // of the original
  };
  struct Sequence {
    std::string name;
    std::string value;  // (last_value,is_called)
  };
  struct State;  // of a clone, as its session sees it

  void load_tables();
  void load_sequences();
  std::string obstacle_of_database();
  State look(postgres::Connection& session) const;
  // The tables that were written to; nothing when only a new clone will do.
  std::optional<std::vector<std::size_t>> written_tables(WatchedClone& clone,
                                                         postgres::Connection& session,
                                                         const State& now, std::string& reason);
  bool follow_new_files(WatchedClone& clone, postgres::Connection& session,
                        std::vector<std::size_t>& tables);
  void put_back(WatchedClone& clone, postgres::Connection& session,
                const std::vector<std::size_t>& tables, const State& now);
  void put_back_rows(WatchedClone& clone, postgres::Connection& session,
                     const std::vector<std::size_t>& tables, const State& now);
  std::vector<postgres::Statement> set_sequences(const State& now) const;
  void load_rows(Table& table);

  postgres::Connection& original_;
  WalReader wal_;
  std::string obstacle_;
  std::vector<Table> tables_;
  std::vector<Sequence> sequences_;
  std::map<std::uint32_t, std::size_t> table_of_file_;
  std::map<std::uint32_t, std::string> catalog_of_file_;
  std::string relations_digest_;
  std::string check_;  // the statement that `look` runs
};

}  // namespace pgcycle::server
