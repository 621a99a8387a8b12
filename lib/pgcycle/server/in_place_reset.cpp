#include "pgcycle/server/in_place_reset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/support/error.hpp"

namespace pgcycle::server {

namespace {

// More than this is cloned faster than it is put back.
constexpr std::uint64_t kMostBytes = std::uint64_t{8} << 20U;

constexpr const char* kTables = R"(
SELECT format('%I.%I', n.nspname, c.relname),
       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
       pg_relation_filenode(c.oid), pg_relation_filenode(c.reltoastrelid), pg_table_size(c.oid),
       CASE WHEN c.relkind = 'm' THEN 'a materialized view'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t
                         WHERE t.tgrelid = c.oid AND t.tgenabled IN ('A', 'R'))
              THEN 'a table whose triggers fire on replicas'
            WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite r
                         WHERE r.ev_class = c.oid AND r.ev_enabled IN ('A', 'R') AND r.ev_type <> '1')
              THEN 'a table whose rules apply on replicas' END,
       c.oid
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
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
      "PREPARE pgcycle_look AS SELECT pg_current_wal_insert_lsn(), "
      "pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn(), ARRAY[{}]::text[]",
      values);
  original_.execute(check_);
  const State state = look(original_);
  for (std::size_t i = 0; i < sequences_.size(); ++i) sequences_[i].value = state.sequences[i];
}

InPlaceReset::State InPlaceReset::look(postgres::Connection& session) const {
  const auto row = session.query("EXECUTE pgcycle_look");
  return {row.get(0, 0), row.boolean(0, 1),
          sequences_.empty() ? std::vector<std::string>() : row.array(0, 2)};
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
  session.execute(check_);
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

// One statement string for all: what it costs is round trips.
void InPlaceReset::put_back(WatchedClone& clone, postgres::Connection& session,
                            const std::vector<std::size_t>& tables, const State& now) {
  std::string script = "BEGIN; ";
  std::string locks;
  std::string rows;
  std::vector<std::string_view> data;
  for (const std::size_t i : tables) {
    Table& table = tables_[i];
    locks += (locks.empty() ? "LOCK TABLE ONLY " : ", ONLY ") + table.name;
    rows += fmt::format("DELETE FROM ONLY {}; ", table.name);
    if (rows_of(table).empty()) continue;
    rows += fmt::format("COPY {} ({}) FROM STDIN; ", table.name, table.columns);
    data.push_back(rows_of(table));
  }
  if (!locks.empty()) script += locks + " IN SHARE ROW EXCLUSIVE MODE; ";
  script += rows;
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    if (now.sequences[i] == sequences_[i].value) continue;
    const std::size_t comma = sequences_[i].value.find(',');
    script +=
        fmt::format("SELECT setval({}, {}, {}); ", postgres::quote_literal(sequences_[i].name),
                    sequences_[i].value.substr(0, comma), sequences_[i].value.substr(comma + 1));
  }
  script += "SELECT pg_current_xact_id()::xid; COMMIT";
  for (bool again = true;; again = false) {
    try {
      clone.own_transaction = session.execute_with_copies(script, data);
      return;
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

std::string_view InPlaceReset::rows_of(Table& table) {
  if (!table.rows) {
    std::string rows;
    original_.copy_out(
        fmt::format("COPY (SELECT {} FROM ONLY {}) TO STDOUT", table.columns, table.name),
        [&rows](std::string_view block) { rows += block; });
    table.rows = std::move(rows);
  }
  return *table.rows;
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
