#include "pgcycle/migrate/lone_statement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

// The tables whose indexes it works on. $1: its name; $2: index, table, schema or database.
constexpr const char* kTables = R"(
WITH named AS (
  SELECT pg_catalog.to_regclass($1)::oid AS oid WHERE $2 IN ('table', 'index')
  UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) p
  WHERE $2 IN ('table', 'index')
), owners AS (
  SELECT oid FROM named WHERE $2 = 'table'
  UNION ALL SELECT i.indrelid FROM pg_catalog.pg_index i WHERE $2 = 'index'
    AND i.indexrelid IN (SELECT oid FROM named)
  UNION ALL SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm', 'p')
    AND ($2 = 'database' OR $2 = 'schema' AND c.relnamespace = pg_catalog.to_regnamespace($1))
), tables AS (
  SELECT oid FROM owners
  UNION ALL SELECT c.reltoastrelid FROM pg_catalog.pg_class c
  WHERE c.oid IN (SELECT oid FROM owners) AND c.reltoastrelid <> 0
)
)";

}  // namespace

std::string LoneStatement::question(const std::string& head, const std::string& of_index) const {
  return fmt::format(
      "{}SELECT {} FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
      "WHERE i.indrelid IN (SELECT oid FROM tables) AND {}",
      kTables, head, of_index);
}

// Of REINDEX those that are invalid, but for the ones that it is to mend; of CREATE INDEX all.
std::string LoneStatement::before() {
  if (!works_on_indexes()) return "{}";
  return connection_
      .query(question("coalesce(array_agg(i.indexrelid), '{}')",
                      makes_index() ? "true"
                                    : "NOT i.indisvalid AND i.indexrelid NOT IN (SELECT n.oid FROM "
                                      "named n WHERE n.oid IS NOT NULL)"),
             {name(), makes_index() ? "table" : traits_.reindexed_kind})
      .get(0, 0);
}

bool LoneStatement::was_done(const std::string& before) {
  if (!traits_.detached.empty()) return was_detached();
  if (!traits_.dropped_indexes.empty()) return were_dropped();
  if (!works_on_indexes()) return false;
  wait_for_builders();
  clear_away(before);
  return makes_index() && was_created(before);
}

bool LoneStatement::was_detached() {
  const auto pending = [this] {
    return connection_.query(
        "SELECT to_jsonb(h) ->> 'inhdetachpending' FROM pg_catalog.pg_inherits h WHERE inhrelid = "
        "pg_catalog.to_regclass($1) AND inhparent = pg_catalog.to_regclass($2)",
        {traits_.detached, traits_.detached_from});
  };
  const auto rows = pending();
  if (rows.empty()) return true;
  if (rows.get(0, 0) != "true") return false;
  try {
    connection_.execute(fmt::format("ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                                    traits_.detached_from, traits_.detached));
  } catch (const Error&) {  // the server may have come to its end meanwhile
    if (!pending().empty()) throw;
  }
  return true;
}

bool LoneStatement::were_dropped() {
  return std::all_of(
      traits_.dropped_indexes.begin(), traits_.dropped_indexes.end(),
      [this](const std::string& index) {
        return connection_.query("SELECT pg_catalog.to_regclass($1)", {index}).is_null(0, 0);
      });
}

bool LoneStatement::was_created(const std::string& before) {
  return !connection_
              .query(question("1",
                              "i.indisvalid AND NOT i.indexrelid = ANY ($3::oid[]) AND ($4 = '' OR "
                              "c.relname = (pg_catalog.parse_ident($4))[1])"),
                     {name(), "table", before, traits_.created_index})
              .empty();
}

void LoneStatement::clear_away(const std::string& before) {
  if (!works_on_indexes()) return;
  // Of an index that it is to mend itself, an invalid one is no left-over.
  const auto left = connection_.query(
      question("i.indexrelid::pg_catalog.regclass",
               "NOT i.indisvalid AND NOT i.indexrelid = ANY ($3::oid[]) AND ($4 = '' OR c.relname "
               "= (pg_catalog.parse_ident($4))[1]) AND i.indexrelid NOT IN (SELECT n.oid FROM "
               "named n WHERE n.oid IS NOT NULL)"),
      {name(), makes_index() ? "table" : traits_.reindexed_kind, before, traits_.created_index});
  for (std::size_t i = 0; i < left.size(); ++i) {
    reporter_.notice("dropping the invalid index {}, left by a run that was cut off",
                     left.get(i, 0));
    // What another session was at when it was looked for may be done with by now.
    connection_.execute(fmt::format("DROP INDEX CONCURRENTLY IF EXISTS {}", left.get(i, 0)));
  }
}

// A build that goes on is waited for, since dropping its index, or building beside it, would make
// the server end one of the two as a deadlock.
void LoneStatement::wait_for_builders() {
  constexpr int kSilentTries = 5;
  for (int tries = 1;; ++tries) {
    const auto builders = connection_.query(
        fmt::format("{}SELECT p.pid, p.relid::pg_catalog.regclass FROM "
                    "pg_catalog.pg_stat_progress_create_index p WHERE p.datname = "
                    "pg_catalog.current_database() AND p.relid IN (SELECT oid FROM tables)",
                    kTables),
        {name(), makes_index() ? "table" : traits_.reindexed_kind});
    if (builders.empty()) return;
    if (tries == kSilentTries) {
      reporter_.notice("waiting for process {}, which builds an index of {}", builders.get(0, 0),
                       builders.get(0, 1));
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(tries < kSilentTries ? 10 : 50));
  }
}

}  // namespace pgcycle::migrate
