#include "pgcycle/server/wal_changes.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::server {

namespace {

// Whether the role is a superuser, and where the extension is.
constexpr const char* kState =
    "SELECT current_setting('is_superuser'), (SELECT n.nspname FROM pg_catalog.pg_extension e "
    "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_walinspect')";

bool is_available(postgres::Connection& maintenance) {
  return !maintenance
              .query("SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_walinspect'")
              .empty();
}

}  // namespace

WalReader::WalReader(postgres::Connection& maintenance, Extension extension)
    : maintenance_(maintenance) {
  if (maintenance.server_version() < 150000) {
    obstacle_ = "the server is older than PostgreSQL 15";
    return;
  }
  const auto state = maintenance.query(kState);
  if (state.text(0, 0) != "on") {
    obstacle_ = "the role is not a superuser";
    return;
  }
  std::string schema = state.get(0, 1);
  if (schema.empty() && (extension == Extension::as_it_is || !is_available(maintenance))) {
    obstacle_ = "the extension pg_walinspect is not installed";
    return;
  }
  if (schema.empty()) {
    try {
      maintenance.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect WITH SCHEMA pg_catalog");
    } catch (const Error& error) {  // another session may have been faster
      obstacle_ = error.message();
    }
    schema = maintenance.query(kState).get(0, 1);
    if (schema.empty()) return;
    obstacle_.clear();
  }
  // Both blocks of an update are of one relation, so the first tells.
  changes_ = fmt::format(
      "SELECT DISTINCT split_part(split_part(block_ref, '/', 3), ' ', 1)::bigint FROM {}($1, $2) "
      "WHERE (resource_manager IN ('Heap', 'Heap2') AND split_part(record_type, '+', 1) IN "
      "('INSERT', 'MULTI_INSERT', 'UPDATE', 'HOT_UPDATE', 'DELETE') "
      "OR $5::boolean AND resource_manager = 'Sequence') "
      "AND split_part(block_ref, '/', 2) = $3 AND xid::text <> $4",
      postgres::quote_identifier(schema) + ".pg_get_wal_records_info");
}

std::set<std::uint32_t> WalReader::changed_relations(std::uint32_t oid, const std::string& start,
                                                     const std::string& end,
                                                     const std::string& except, Records records) {
  std::set<std::uint32_t> out;
  const std::string sequences = records == Records::rows_and_sequences ? "true" : "false";
  const auto results =
      maintenance_.run({{changes_, {start, end, std::to_string(oid), except, sequences}}});
  for (const std::string& file : results[0]) {
    out.insert(static_cast<std::uint32_t>(std::stoul(file)));
  }
  return out;
}

void WalReader::flush() {
  maintenance_.query_all({{"SET synchronous_commit = local", {}},
                          {"SELECT pg_logical_emit_message(true, 'pgcycle', '')", {}}});
}

}  // namespace pgcycle::server
