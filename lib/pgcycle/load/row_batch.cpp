#include "pgcycle/load/row_batch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "pgcycle/postgres/container_text.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

namespace {

using catalog::Schema;
using catalog::TypeKind;

constexpr std::size_t kMostRows = 500;
constexpr std::size_t kMostBytes = std::size_t{128} * 1024;

// Built-in types with a cast from text that is not their input function.
constexpr std::array<std::string_view, 5> kCastOtherwise{"char", "name", "xml", "bit", "regclass"};

// Whether a cast from text reads the value as COPY does.
bool reads_as_copy(const Schema& schema, catalog::Oid oid) {
  const catalog::Type& type = schema.type(oid);
  switch (type.kind) {
    case TypeKind::enumeration:
      return true;
    case TypeKind::array:
      return reads_as_copy(schema, type.element);
    case TypeKind::base:
    case TypeKind::range:
    case TypeKind::multirange:
      return type.name.schema == "pg_catalog" &&
             std::find(kCastOtherwise.begin(), kCastOtherwise.end(), type.name.name) ==
                 kCastOtherwise.end();
    default:
      return false;  // a cast to a domain would cut text to the length of what it is over
  }
}

}  // namespace

std::optional<postgres::Statement> as_one_insert(const Schema& schema, const RowSource& source) {
  const auto stored = source.table().stored_columns();
  const std::vector<std::size_t> columns = source.columns();
  if (columns.empty()) return std::nullopt;
  std::string names;
  std::string values;
  std::string parameters;
  std::string fields;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const catalog::Column& column = *stored[columns[i]];
    if (!reads_as_copy(schema, column.type)) return std::nullopt;
    const char* comma = i == 0 ? "" : ", ";
    names += comma + postgres::quote_identifier(column.name);
    // The bare type: a length is then held against the value by the assignment, not cut to.
    values += fmt::format("{}c{}::{}", comma, i, schema.type(column.type).name.sql());
    parameters += fmt::format("{}${}::text[]", comma, i + 1);
    fields += fmt::format("{}c{}", comma, i);
  }
  std::vector<std::vector<postgres::ContainerItem>> cells(columns.size());
  std::size_t bytes = 0;
  bool fits = true;
  source.for_each([&](const fixture::Row& row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& value = row.values[columns[i]];
      if (value) bytes += value->size();
      cells[i].push_back(value);
    }
    fits = cells[0].size() <= kMostRows && bytes <= kMostBytes;
    return fits;
  });
  if (!fits) return std::nullopt;
  postgres::Statement statement;
  statement.sql =
      fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM unnest({}) u({})",
                  source.table().name.sql(), names, values, parameters, fields);
  for (const auto& items : cells) {
    statement.parameters.push_back(postgres::format_array(items, ','));
  }
  return statement;
}

}  // namespace pgcycle::load
