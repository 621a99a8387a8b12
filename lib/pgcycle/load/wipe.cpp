#include "pgcycle/load/wipe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace pgcycle::load {

namespace {

using catalog::ForeignKey;
using catalog::QualifiedName;
using catalog::Table;

// Measured in bench/seed: below, DELETE takes less than TRUNCATE's new files.
constexpr std::int64_t kBytesWorthTruncating = std::int64_t{256} * 1024;

using Names = std::set<QualifiedName>;

Names names_of(const std::vector<const Table*>& tables) {
  Names out;
  for (const Table* table : tables) out.insert(table->name);
  return out;
}

void require_empty(postgres::Connection& connection, const ForeignKey& key) {
  if (connection.query(fmt::format("SELECT FROM {} LIMIT 1", key.rows)).empty()) return;
  throw Error(ErrorCode::check,
              fmt::format("{} has rows that reference {}, but is not in the fixtures",
                          key.table.display(), key.referenced_table.display()))
      .detail(fmt::format("foreign key constraint \"{}\"", key.name))
      .constraint(key.name)
      .hint("extract it too, or empty it; rows are never removed silently");
}

std::map<QualifiedName, std::int64_t> bytes_of(const std::vector<const Table*>& tables,
                                               const postgres::Result& sizes) {
  std::map<QualifiedName, std::int64_t> out;
  const std::vector<std::string> row = sizes.array(0, 0);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    out[tables[i]->name] = row.at(i).empty() ? 0 : std::stoll(row[i]);
  }
  return out;
}

bool may_truncate(postgres::Connection& connection, const std::vector<const Table*>& tables) {
  std::string oids;
  for (const Table* table : tables)
    oids += fmt::format("{}{}", oids.empty() ? "" : ",", table->oid);
  return connection
      .query(fmt::format("SELECT COALESCE(bool_and(has_table_privilege(t, 'TRUNCATE')), true) "
                         "FROM unnest('{{{}}}'::oid[]) t",
                         oids))
      .boolean(0, 0);
}

}  // namespace

std::string sizes_sql(const std::vector<const Table*>& tables) {
  std::string sizes;
  for (const Table* table : tables) {
    sizes += sizes.empty() ? "" : ", ";
    sizes += table->partitioned
                 ? fmt::format("(SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree({}))",
                               table->oid)
                 : fmt::format("pg_relation_size({}::oid)", table->oid);
  }
  return fmt::format("SELECT ARRAY[{}]::bigint[]", sizes);
}

std::vector<std::string> plan_wipe(postgres::Connection& connection, const WipeRequest& request,
                                   const postgres::Result& sizes) {
  const Names wiped = names_of(request.tables);
  const Names kept = names_of(request.kept);
  Names empty;  // beyond both, but without rows
  for (const ForeignKey& key : request.schema.foreign_keys) {
    if (!wiped.contains(key.referenced_table) || wiped.contains(key.table)) continue;
    if (kept.contains(key.table) || !empty.insert(key.table).second) continue;
    require_empty(connection, key);
  }
  const auto bytes = bytes_of(request.tables, sizes);
  Names truncated;
  for (const Table* table : request.tables) {
    const std::int64_t held = bytes.at(table->name);
    if (held >= kBytesWorthTruncating || (!request.foreign_keys_rest && held > 0)) {
      truncated.insert(table->name);
    }
  }
  if (!truncated.empty() && !may_truncate(connection, request.tables)) truncated.clear();
  // TRUNCATE takes along whatever references a table; with one that stays, rows are deleted.
  for (bool grown = true; grown;) {
    grown = false;
    for (const ForeignKey& key : request.schema.foreign_keys) {
      if (!truncated.contains(key.referenced_table) || truncated.contains(key.table)) continue;
      if (kept.contains(key.table) && !wiped.contains(key.table)) {
        truncated.clear();
        grown = false;
        break;
      }
      truncated.insert(key.table);
      grown = true;
    }
  }
  std::vector<std::string> statements;
  std::string list;
  for (const QualifiedName& name : truncated) {
    list += (list.empty() ? "" : ", ") + request.schema.find_table(name)->from_sql();
  }
  if (!list.empty()) statements.push_back("TRUNCATE " + list);
  const std::vector<const Table*> children_first(request.tables.rbegin(), request.tables.rend());
  for (const Table* table : children_first) {
    if (truncated.contains(table->name) || bytes.at(table->name) == 0) continue;
    statements.push_back("DELETE FROM " + table->from_sql());
  }
  return statements;
}

}  // namespace pgcycle::load
