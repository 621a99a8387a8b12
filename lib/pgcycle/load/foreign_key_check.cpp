#include "pgcycle/load/foreign_key_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

namespace {

using catalog::ForeignKey;
using postgres::quote_identifier;

std::string column_list(const std::string& alias, const std::vector<std::string>& columns) {
  std::string out;
  for (const std::string& column : columns) {
    out += (out.empty() ? "" : ", ") + alias + "." + quote_identifier(column);
  }
  return out;
}

std::string all_of(const std::string& alias, const std::vector<std::string>& columns,
                   std::string_view test, std::string_view between) {
  std::string out;
  for (const std::string& column : columns) {
    if (!out.empty()) out += fmt::format(" {} ", between);
    out += fmt::format("{}.{} {}", alias, quote_identifier(column), test);
  }
  return out;
}

// FROM and WHERE: the rows `c` that break the key.
std::string broken_rows(const ForeignKey& key) {
  std::string equal;
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    equal += fmt::format("{}r.{} {} c.{}", i == 0 ? "" : " AND ",
                         quote_identifier(key.referenced_columns[i]), key.operators[i],
                         quote_identifier(key.columns[i]));
  }
  std::string broken =
      fmt::format("({} AND NOT EXISTS (SELECT FROM {} r WHERE {}))",
                  all_of("c", key.columns, "IS NOT NULL", "AND"), key.referenced_rows, equal);
  if (key.match_full && key.columns.size() > 1) {
    broken += fmt::format(" OR (({}) AND ({}))", all_of("c", key.columns, "IS NULL", "OR"),
                          all_of("c", key.columns, "IS NOT NULL", "OR"));
  }
  return fmt::format("FROM {} c WHERE {}", key.rows, broken);
}

Location place_of_values(const RowSource& source, const ForeignKey& key,
                         const postgres::Result& values) {
  std::vector<std::size_t> indices;
  const auto columns = source.table().stored_columns();
  for (const std::string& name : key.columns) {
    const auto index = fixture::stored_column_index(columns, name);
    if (!index) return {};
    indices.push_back(*index);
  }
  Location place;
  source.for_each([&](const fixture::Row& row) {
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto& value = row.values[indices[i]];
      if (value.has_value() == values.is_null(0, i)) return true;
      if (value && *value != values.text(0, i)) return true;
    }
    place = row.place;
    return false;
  });
  return place;
}

}  // namespace

std::vector<const ForeignKey*> keys_to_prove(const catalog::Schema& schema,
                                             const std::vector<const catalog::Table*>& tables) {
  std::set<catalog::QualifiedName> loaded;
  for (const catalog::Table* table : tables) loaded.insert(table->name);
  std::vector<const ForeignKey*> out;
  for (const ForeignKey& key : schema.foreign_keys) {
    if (!key.validated) continue;
    if (loaded.contains(key.table) || loaded.contains(key.referenced_table)) out.push_back(&key);
  }
  return out;
}

// Counted: where the planner does not take the key into account, as with partitions, it expects
// many such rows, and to find the first it would look up one row after another.
postgres::Statement proof_of(const ForeignKey& key) {
  return {"SELECT count(*) " + broken_rows(key), {}};
}

void require_proven(postgres::Connection& connection, const ForeignKey& key,
                    const postgres::Result& proof, const std::vector<RowSource>& sources) {
  const std::int64_t broken = proof.integer(0, 0);
  if (broken == 0) return;
  const postgres::Result values = connection.query(
      fmt::format("SELECT {} {} LIMIT 1", column_list("c", key.columns), broken_rows(key)));
  std::string shown;
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    shown += (i == 0 ? "" : ", ") + (values.is_null(0, i) ? "null" : values.get(0, i));
  }
  Error error(ErrorCode::statement, fmt::format("rows of {} violate foreign key constraint \"{}\"",
                                                key.table.display(), key.name));
  for (const RowSource& source : sources) {
    if (source.table().name == key.table) error.at(place_of_values(source, key, values));
  }
  std::string detail =
      fmt::format("Key ({})=({}) is not present in table \"{}\".", fmt::join(key.columns, ", "),
                  shown, key.referenced_table.display());
  if (broken > 1) detail += fmt::format(" {} rows break the constraint.", broken);
  throw error.detail(detail)
      .hint("add the missing row, or correct the reference; nothing was changed")
      .sqlstate("23503")
      .constraint(key.name);
}

}  // namespace pgcycle::load
