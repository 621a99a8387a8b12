#include "pgcycle/server/in_place_reset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/support/error.hpp"

namespace pgcycle::server {

namespace {

// More than this is cloned faster than it is put back.
constexpr std::uint64_t kMostBytes = std::uint64_t{8} << 20U;

constexpr const char* kTables = R"(
SELECT format('%I.%I', n.nspname, c.relname),
       columns.names,
       pg_relation_filenode(c.oid), pg_relation_filenode(c.reltoastrelid), pg_table_size(c.oid),
       CASE WHEN c.relkind = 'm' THEN 'a materialized view'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t
                         WHERE t.tgrelid = c.oid AND t.tgenabled IN ('A', 'R'))
              THEN 'a table whose triggers fire on replicas'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                         WHERE r.ev_class = c.oid AND r.ev_enabled IN ('A', 'R') AND r.ev_type <> '1')
              THEN 'a table whose rules apply on replicas'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint k
                         WHERE k.conrelid = c.oid AND k.contype = 'c' AND NOT k.convalidated)
              THEN 'a table whose rows may break a constraint that is not valid' END,
       c.oid, columns.parameters
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL
  (SELECT string_agg(quote_ident(attname), ', ' ORDER BY i) AS names,
          string_agg('$' || i, ', ' ORDER BY i) AS parameters
   FROM (SELECT a.attname, row_number() OVER (ORDER BY a.attnum) AS i
         FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attgenerated = '') numbered) columns
WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
)";

constexpr const char* kCatalogs = R"(
SELECT pg_relation_filenode(c.oid), c.relname FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 't') AND c.oid < 16384 AND NOT c.relisshared
)";

constexpr const char* kObstacle = R"(
SELECT CASE WHEN c.relpersistence = 'u' THEN 'the unlogged table ' ELSE 'the access method of ' END
       || c.oid::regclass
FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'm', 'S') AND c.oid >= 16384
  AND (c.relpersistence = 'u'
       OR c.relkind <> 'S' AND c.relam <> (SELECT oid FROM pg_catalog.pg_am WHERE amname = 'heap'))
ORDER BY 1 LIMIT 1
)";

// All of pg_class that only DDL changes.
constexpr const char* kRelationsDigest = R"(
SELECT md5(string_agg(concat_ws('|', oid, relname, relnamespace, relowner, relam, reltablespace,
  reltoastrelid, relhasindex, relpersistence, relkind, relnatts, relchecks, relhasrules,
  relhastriggers, relhassubclass, relrowsecurity, relforcerowsecurity, relispopulated,
  relreplident, relispartition, relacl, reloptions), E'\n' ORDER BY oid))
FROM pg_catalog.pg_class WHERE oid >= 16384
)";

constexpr const char* kFiles = R"(
SELECT c.oid, pg_relation_filenode(c.oid), pg_relation_filenode(c.reltoastrelid)
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
)";

// What autovacuum and ANALYZE write tells nothing of the contents.
bool is_statistics(const std::string& catalog) {
  return catalog == "pg_statistic" || catalog == "pg_statistic_ext_data" ||
         catalog == "pg_toast_2619" || catalog == "pg_toast_3429";
}

std::uint32_t oid_at(const postgres::Result& rows, std::size_t row, std::size_t column) {
  return static_cast<std::uint32_t>(rows.integer(row, column));
}

// What a table has too much and too little of.
struct TableChange {
  std::vector<std::string> foreign;     // places of rows
  std::vector<std::size_t> missing;     // numbers of rows
  std::vector<std::size_t> insertions;  // numbers of the statements for them
  TupleMap kept;
};

// `found`: ctid and xmin of each row that is there.
TableChange compare(const TupleMap& known, const std::vector<std::string>& found,
                    std::size_t rows) {
  TableChange change;
  std::vector<bool> present(rows);
  for (std::size_t i = 0; i < found.size(); i += 2) {
    if (const auto row = known.find(found[i] + " " + found[i + 1]); row != known.end()) {
      present[row->second] = true;
      change.kept.insert(*row);
    } else {
      change.foreign.push_back(found[i]);
    }
  }
  for (std::size_t row = 0; row < rows; ++row) {
    if (!present[row]) change.missing.push_back(row);
  }
  return change;
}

}  // namespace

std::string_view name_of(ResetWay way) {
  switch (way) {
    case ResetWay::untouched:
      return "untouched";
    case ResetWay::sequences:
      return "sequences";
    case ResetWay::tables:
      return "tables";
    case ResetWay::reclone:
      return "reclone";
  }
  return "unknown";
}

struct InPlaceReset::State {
  std::string position;
  bool readable = false;  // the log is on disk up to there
  std::vector<std::string> sequences;
};

InPlaceReset::InPlaceReset(postgres::Connection& maintenance, postgres::Connection& original)
    : original_(original), wal_(maintenance), obstacle_(wal_.obstacle()) {
  if (obstacle_.empty()) obstacle_ = obstacle_of_database();
  if (!obstacle_.empty()) return;
  load_tables();
  load_sequences();
  relations_digest_ = original_.query(kRelationsDigest).get(0, 0);
}

std::string InPlaceReset::obstacle_of_database() {
  const auto rows = original_.query(kObstacle);
  return rows.empty() ? std::string() : rows.get(0, 0);
}

void InPlaceReset::load_tables() {
  const auto rows = original_.query(kTables);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Table table;
    table.name = rows.get(i, 0);
    table.oid = oid_at(rows, i, 6);
    table.columns = rows.get(i, 1);
    table.bytes = static_cast<std::uint64_t>(rows.integer(i, 4));
    table.obstacle = rows.get(i, 5);
    table.select = fmt::format("SELECT ctid, xmin FROM ONLY {}", table.name);
    table.remove = fmt::format("DELETE FROM ONLY {} WHERE ctid = ANY ($1::tid[])", table.name);
    table.insert =
        fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) RETURNING ctid",
                    table.name, table.columns, rows.text(i, 7));
    if (table.columns.empty()) table.obstacle = "a table without columns";
    table_of_file_[oid_at(rows, i, 2)] = tables_.size();
    if (!rows.is_null(i, 3)) table_of_file_[oid_at(rows, i, 3)] = tables_.size();
    tables_.push_back(std::move(table));
  }
  const auto catalogs = original_.query(kCatalogs);
  for (std::size_t i = 0; i < catalogs.size(); ++i) {
    catalog_of_file_[oid_at(catalogs, i, 0)] = catalogs.get(i, 1);
  }
}

void InPlaceReset::load_sequences() {
  const auto rows = original_.query(
      "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' ORDER BY 1");
  std::string values;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows.get(i, 0);
    values +=
        fmt::format("{}(SELECT last_value || ',' || is_called FROM {})", i == 0 ? "" : ", ", name);
    sequences_.push_back({name, {}});
  }
  check_ = fmt::format(
      "SELECT pg_current_wal_insert_lsn(), "
      "pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn(), "
      "array_to_string(ARRAY[{}]::text[], ' ')",
      values);
  const State state = look(original_);
  for (std::size_t i = 0; i < sequences_.size(); ++i) sequences_[i].value = state.sequences[i];
}

InPlaceReset::State InPlaceReset::look(postgres::Connection& session) const {
  const std::vector<std::string> row = session.run({{check_, {}}}).at(0);
  State state{row.at(0), row.at(1) == "t", {}};
  std::istringstream values(row.at(2));
  for (std::string value; values >> value;) state.sequences.push_back(value);
  return state;
}

WatchedClone InPlaceReset::watch(postgres::Connection& session) const {
  WatchedClone clone;
  if (!obstacle_.empty()) return clone;
  session.execute(
      "SET session_replication_role = replica; SET synchronous_commit = local; "
      "SET lock_timeout = '300ms'");
  clone.oid = static_cast<std::uint32_t>(
      session.query("SELECT oid FROM pg_database WHERE datname = current_database()")
          .integer(0, 0));
  clone.position = look(session).position;
  return clone;
}

InPlaceOutcome InPlaceReset::reset(WatchedClone& clone, postgres::Connection& session) {
  if (!obstacle_.empty()) return {ResetWay::reclone, {}, obstacle_};
  InPlaceOutcome outcome;
  try {
    const State now = look(session);
    std::vector<std::size_t> tables;
    if (now.position != clone.position) {
      const auto written = written_tables(clone, session, now, outcome.reason);
      if (!written) return {ResetWay::reclone, {}, outcome.reason};
      tables = *written;
      clone.position = now.position;
      clone.own_transaction.clear();
    }
    bool sequences = false;
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      sequences = sequences || now.sequences[i] != sequences_[i].value;
    }
    if (tables.empty() && !sequences) return outcome;
    put_back(clone, session, tables, now);
    outcome.way = tables.empty() ? ResetWay::sequences : ResetWay::tables;
    for (const std::size_t table : tables) outcome.tables.push_back(tables_[table].name);
    return outcome;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    // Class 42: a relation is gone or another one now.
    const bool ddl = error.sqlstate().starts_with("42");
    return {
        ResetWay::reclone, {}, ddl ? fmt::format("DDL ({})", error.message()) : error.message()};
  }
}

std::optional<std::vector<std::size_t>> InPlaceReset::written_tables(WatchedClone& clone,
                                                                     postgres::Connection& session,
                                                                     const State& now,
                                                                     std::string& reason) {
  if (!now.readable) wal_.flush();
  std::vector<std::size_t> tables;
  bool relations_changed = false;
  for (const std::uint32_t file :
       wal_.changed_relations(clone.oid, clone.position, now.position, clone.own_transaction)) {
    if (const auto found = clone.new_files.find(file); found != clone.new_files.end()) {
      tables.push_back(found->second);
    } else if (const auto table = table_of_file_.find(file); table != table_of_file_.end()) {
      tables.push_back(table->second);
    } else if (const auto catalog = catalog_of_file_.find(file);
               catalog != catalog_of_file_.end()) {
      if (is_statistics(catalog->second)) continue;
      relations_changed = true;
      if (catalog->second == "pg_class") continue;
      reason = "DDL (" + catalog->second + ")";
      return std::nullopt;
    } else {
      relations_changed = true;  // a file that is new: of a table that was truncated?
    }
  }
  if (relations_changed && !follow_new_files(clone, session, tables)) {
    reason = "DDL";
    return std::nullopt;
  }
  std::sort(tables.begin(), tables.end());
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  std::uint64_t bytes = 0;
  for (const std::size_t i : tables) {
    bytes += tables_[i].bytes;
    if (tables_[i].obstacle.empty()) continue;
    reason = fmt::format("{}, {}", tables_[i].name, tables_[i].obstacle);
    return std::nullopt;
  }
  if (bytes > kMostBytes) {
    reason = fmt::format("{} MB would have to be put back", bytes >> 20U);
    return std::nullopt;
  }
  return tables;
}

// False when more of the relations changed than their files.
bool InPlaceReset::follow_new_files(WatchedClone& clone, postgres::Connection& session,
                                    std::vector<std::size_t>& tables) {
  if (session.query(kRelationsDigest).get(0, 0) != relations_digest_) return false;
  const auto rows = session.query(kFiles);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto table =
        std::find_if(tables_.begin(), tables_.end(),
                     [oid = oid_at(rows, i, 0)](const Table& entry) { return entry.oid == oid; });
    if (table == tables_.end()) return false;
    const auto index = static_cast<std::size_t>(table - tables_.begin());
    for (const std::size_t column : {1UL, 2UL}) {
      if (rows.is_null(i, column)) continue;
      const std::uint32_t file = oid_at(rows, i, column);
      const auto known = table_of_file_.find(file);
      if (known != table_of_file_.end() && known->second == index) continue;
      if (!clone.new_files.emplace(file, index).second) continue;
      tables.push_back(index);
    }
  }
  return true;
}

void InPlaceReset::put_back(WatchedClone& clone, postgres::Connection& session,
                            const std::vector<std::size_t>& tables, const State& now) {
  for (const std::size_t i : tables) load_rows(tables_[i]);
  for (bool again = true;; again = false) {
    try {
      return put_back_rows(clone, session, tables, now);
    } catch (const Error& error) {
      if (session.in_transaction()) session.execute("ROLLBACK");
      if (error.sqlstate() != "55P03" || !again) throw;
    }
    // Whoever has written and not committed is in the way, and must not commit later.
    session.query(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = "
        "current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL");
  }
}

// Two messages, whatever the number of tables: what it costs is round trips.
void InPlaceReset::put_back_rows(WatchedClone& clone, postgres::Connection& session,
                                 const std::vector<std::size_t>& tables, const State& now) {
  std::vector<postgres::Statement> statements{{"BEGIN ISOLATION LEVEL READ COMMITTED", {}}};
  for (const std::size_t i : tables) {
    statements.push_back(
        {"LOCK TABLE ONLY " + tables_[i].name + " IN SHARE ROW EXCLUSIVE MODE", {}});
  }
  for (const std::size_t i : tables) statements.push_back({tables_[i].select, {}});
  const auto found = session.run(statements);

  statements.clear();
  std::vector<TableChange> changes;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const Table& table = tables_[tables[i]];
    const auto known = clone.tuples.find(tables[i]);
    changes.push_back(compare(known == clone.tuples.end() ? table.tuples : known->second,
                              found[1 + tables.size() + i], table.rows.size()));
    const TableChange& change = changes.back();
    if (!change.foreign.empty()) {
      statements.push_back(
          {table.remove, {fmt::format("{{\"{}\"}}", fmt::join(change.foreign, "\",\""))}});
    }
    for (const std::size_t row : change.missing) {
      changes[i].insertions.push_back(statements.size());
      statements.push_back({table.insert, table.rows[row]});
    }
  }
  const auto sequences = set_sequences(now);
  statements.insert(statements.end(), sequences.begin(), sequences.end());
  statements.push_back({"SELECT pg_current_xact_id()::xid", {}});
  statements.push_back({"COMMIT", {}});
  const auto results = session.run(statements);

  clone.own_transaction = results[results.size() - 2].at(0);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    TableChange& change = changes[i];
    for (std::size_t row = 0; row < change.missing.size(); ++row) {
      change.kept.emplace(results[change.insertions[row]].at(0) + " " + clone.own_transaction,
                          change.missing[row]);
    }
    clone.tuples[tables[i]] = std::move(change.kept);
  }
}

std::vector<postgres::Statement> InPlaceReset::set_sequences(const State& now) const {
  std::vector<postgres::Statement> statements;
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    const auto& [name, value] = sequences_[i];
    if (now.sequences[i] == value) continue;
    const std::size_t comma = value.find(',');
    statements.push_back(
        {"SELECT setval($1, $2, $3)", {name, value.substr(0, comma), value.substr(comma + 1)}});
  }
  return statements;
}

void InPlaceReset::load_rows(Table& table) {
  if (table.loaded) return;
  const auto rows = original_.query(
      fmt::format("SELECT ctid || ' ' || xmin, {} FROM ONLY {}", table.columns, table.name));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    postgres::Parameters& values = table.rows.emplace_back();
    for (std::size_t column = 1; column < rows.columns(); ++column) {
      values.push_back(rows.is_null(i, column) ? std::nullopt : std::optional(rows.get(i, column)));
    }
    table.tuples.emplace(rows.get(i, 0), i);
  }
  table.loaded = true;
}

void InPlaceReset::settle(WatchedClone& clone, postgres::Connection& session) {
  if (clone.own_transaction.empty()) return;
  try {
    const State now = look(session);
    if (!now.readable) wal_.flush();
    if (wal_.changed_relations(clone.oid, clone.position, now.position, clone.own_transaction)
            .empty()) {
      clone.position = now.position;
      clone.own_transaction.clear();
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    // The next reset meets the same and says so.
  }
}

}  // namespace pgcycle::server
