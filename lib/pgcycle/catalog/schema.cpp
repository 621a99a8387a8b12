#include "pgcycle/catalog/schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::catalog {

const Column* Table::find_column(std::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [column](const Column& c) { return c.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

const Column& Table::require_column(std::string_view column, const Location& place) const {
  if (const Column* found = find_column(column)) return *found;
  std::vector<std::string> known;
  for (const Column& candidate : columns) known.push_back(candidate.name);
  throw Error(ErrorCode::input, fmt::format("{} has no column \"{}\"", name.display(), column))
      .at(place)
      .hint(did_you_mean(column, known, fmt::format("its columns: {}", fmt::join(known, ", "))));
}

std::vector<std::string> Table::primary_key() const {
  for (const UniqueKey& key : unique_keys) {
    if (key.primary) return key.columns;
  }
  return {};
}

bool Table::has_unique_key_on(const std::string& column) const {
  return std::any_of(unique_keys.begin(), unique_keys.end(), [&column](const UniqueKey& key) {
    return std::find(key.depends_on.begin(), key.depends_on.end(), column) != key.depends_on.end();
  });
}

std::vector<const Column*> Table::stored_columns() const {
  std::vector<const Column*> out;
  for (const Column& column : columns) {
    if (!column.generated) out.push_back(&column);
  }
  return out;
}

const Table* Schema::find_table(const QualifiedName& name) const {
  const auto found = std::lower_bound(
      tables.begin(), tables.end(), name,
      [](const Table& table, const QualifiedName& wanted) { return table.name < wanted; });
  return found == tables.end() || found->name != name ? nullptr : &*found;
}

const Table& Schema::require_table(const QualifiedName& name) const {
  if (const Table* table = find_table(name)) return *table;
  std::vector<std::string> known;
  for (const Table& table : tables) known.push_back(table.name.display());
  throw Error(ErrorCode::input, fmt::format("no such table: {}", name.display()))
      .hint(did_you_mean(name.display(), known, "the database has no table of a similar name"));
}

const Type& Schema::type(Oid oid) const {
  static const Type kUnknown{};
  const auto found = types.find(oid);
  return found == types.end() ? kUnknown : found->second;
}

const Type& Schema::base_type(Oid oid) const {
  const Type* current = &type(oid);
  while (current->kind == TypeKind::domain) current = &type(current->base);
  return *current;
}

std::vector<const ForeignKey*> Schema::foreign_keys_of(const QualifiedName& table) const {
  std::vector<const ForeignKey*> out;
  for (const ForeignKey& key : foreign_keys) {
    if (key.table == table) out.push_back(&key);
  }
  return out;
}

std::vector<const ForeignKey*> Schema::foreign_keys_to(const QualifiedName& table) const {
  std::vector<const ForeignKey*> out;
  for (const ForeignKey& key : foreign_keys) {
    if (key.referenced_table == table) out.push_back(&key);
  }
  return out;
}

std::string fingerprint(const Schema& schema) {
  Sha256 hash;
  const auto add = [&hash](std::string_view text) {
    hash.update(text);
    hash.update(std::string_view("\0", 1));
  };
  const auto add_all = [&add](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) add(text);
    add("");
  };
  for (const Table& table : schema.tables) {
    add("table");
    add(table.name.sql());
    for (const Column& column : table.columns) {
      add("column");
      add(column.name);
      add(column.type_sql);
      add(column.not_null ? "not null" : "null");
      add(column.generated ? "generated" : "stored");
    }
    add("key");
    add_all(table.primary_key());
  }
  for (const ForeignKey& key : schema.foreign_keys) {
    add("foreign key");
    add(key.table.sql());
    add_all(key.columns);
    add(key.referenced_table.sql());
    add_all(key.referenced_columns);
  }
  return to_hex(hash.finish());
}

}  // namespace pgcycle::catalog
