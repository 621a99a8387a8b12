// Reads the catalogue into the model: one query a kind of object.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "catalog/embedded_sql.hpp"
#include "pgcycle/catalog/schema.hpp"

namespace pgcycle::catalog {

namespace {

using postgres::Connection;
using postgres::Result;

using TablesByOid = std::map<Oid, Table>;

Oid oid_at(const Result& rows, std::size_t row, std::size_t column) {
  return static_cast<Oid>(rows.integer(row, column));
}

TypeKind kind_of_type(char typtype, bool is_array) {
  if (is_array) return TypeKind::array;
  switch (typtype) {
    case 'd':
      return TypeKind::domain;
    case 'c':
      return TypeKind::composite;
    case 'e':
      return TypeKind::enumeration;
    case 'r':
      return TypeKind::range;
    case 'm':
      return TypeKind::multirange;
    case 'p':
      return TypeKind::pseudo;
    default:
      return TypeKind::base;
  }
}

JsonForm json_form(const Type& type) {
  if (type.kind == TypeKind::array) return JsonForm::array;
  if (type.kind != TypeKind::base || type.name.schema != "pg_catalog") return JsonForm::text;
  const std::string& name = type.name.name;
  if (name == "bool") return JsonForm::boolean;
  if (name == "int2" || name == "int4" || name == "int8" || name == "oid") return JsonForm::number;
  if (name == "float4" || name == "float8") return JsonForm::floating;
  if (name == "json") return JsonForm::json;
  if (name == "jsonb") return JsonForm::jsonb;
  return JsonForm::text;
}

std::map<Oid, Type> load_types(const Result& rows) {
  std::map<Oid, Type> types;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Type type;
    type.oid = oid_at(rows, i, 0);
    type.name = {rows.get(i, 1), rows.get(i, 2)};
    type.kind = kind_of_type(rows.text(i, 3).at(0), rows.boolean(i, 7));
    type.category = rows.text(i, 4).at(0);
    type.base = oid_at(rows, i, 5);
    type.element = oid_at(rows, i, 6);
    type.delimiter = rows.text(i, 8).at(0);
    type.labels = rows.array(i, 9);
    const std::vector<std::string> names = rows.array(i, 10);
    const std::vector<std::string> field_types = rows.array(i, 11);
    for (std::size_t f = 0; f < names.size(); ++f) {
      type.fields.push_back({names[f], static_cast<Oid>(std::stoul(field_types[f]))});
    }
    type.form = json_form(type);
    types.emplace(type.oid, std::move(type));
  }
  // A domain has the form of what it is over.
  for (auto& [oid, type] : types) {
    const Type* base = &type;
    while (base->kind == TypeKind::domain && types.contains(base->base)) {
      base = &types.at(base->base);
    }
    type.form = base->form;
  }
  return types;
}

TablesByOid load_tables(const Result& rows) {
  TablesByOid tables;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Table table;
    table.oid = oid_at(rows, i, 0);
    table.name = {rows.get(i, 1), rows.get(i, 2)};
    table.partitioned = rows.boolean(i, 3);
    const std::vector<std::string> parent_schemas = rows.array(i, 4);
    const std::vector<std::string> parent_names = rows.array(i, 5);
    for (std::size_t p = 0; p < parent_names.size(); ++p) {
      table.inherits.push_back({parent_schemas[p], parent_names[p]});
    }
    table.row_security = rows.boolean(i, 6);
    table.has_user_triggers = rows.boolean(i, 7);
    table.has_unvalidated_checks = rows.boolean(i, 8);
    table.estimated_rows = std::stod(rows.get(i, 9));
    tables.emplace(table.oid, std::move(table));
  }
  return tables;
}

Identity identity_from(std::string_view code) {
  if (code == "a") return Identity::always;
  return code == "d" ? Identity::by_default : Identity::none;
}

void load_columns(const Result& rows, TablesByOid& tables) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto table = tables.find(oid_at(rows, i, 0));
    if (table == tables.end()) continue;
    Column column;
    column.name = rows.get(i, 1);
    column.type = oid_at(rows, i, 2);
    column.type_sql = rows.get(i, 3);
    column.not_null = rows.boolean(i, 4);
    column.generated = rows.boolean(i, 5);
    column.identity = identity_from(rows.text(i, 6));
    column.default_sql = rows.get(i, 7);
    column.comment = rows.get(i, 8);
    table->second.columns.push_back(std::move(column));
  }
}

void load_unique_keys(const Result& keys, TablesByOid& tables) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto table = tables.find(oid_at(keys, i, 0));
    if (table == tables.end()) continue;
    table->second.unique_keys.push_back({keys.get(i, 1), keys.array(i, 2), keys.get(i, 3),
                                         keys.boolean(i, 4), keys.boolean(i, 5), keys.boolean(i, 6),
                                         keys.array(i, 7)});
  }
}

void load_checks(const Result& checks, TablesByOid& tables) {
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const auto table = tables.find(oid_at(checks, i, 0));
    if (table == tables.end()) continue;
    table->second.checks.push_back({checks.get(i, 1), checks.get(i, 2)});
  }
}

void load_exclusions(const Result& exclusions, TablesByOid& tables) {
  for (std::size_t i = 0; i < exclusions.size(); ++i) {
    const auto table = tables.find(oid_at(exclusions, i, 0));
    if (table == tables.end()) continue;
    table->second.exclusions.push_back({exclusions.get(i, 1), exclusions.array(i, 2)});
  }
}

std::vector<ForeignKey> load_foreign_keys(const Result& rows, const TablesByOid& tables) {
  std::vector<ForeignKey> keys;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto table = tables.find(oid_at(rows, i, 1));
    const auto referenced = tables.find(oid_at(rows, i, 3));
    if (table == tables.end() || referenced == tables.end()) continue;
    keys.push_back({rows.get(i, 0), table->second.name, rows.array(i, 2), referenced->second.name,
                    rows.array(i, 4), rows.boolean(i, 5), rows.boolean(i, 6), rows.boolean(i, 7),
                    oid_at(rows, i, 8), rows.get(i, 9), rows.get(i, 10), rows.get(i, 11),
                    rows.array(i, 12)});
  }
  std::sort(keys.begin(), keys.end(), [](const ForeignKey& a, const ForeignKey& b) {
    return std::tie(a.table, a.name) < std::tie(b.table, b.name);
  });
  return keys;
}

std::vector<Sequence> load_sequences(const Result& rows, const TablesByOid& tables) {
  std::vector<Sequence> sequences;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Sequence sequence;
    sequence.name = {rows.get(i, 0), rows.get(i, 1)};
    sequence.start = rows.integer(i, 2);
    sequence.increment = rows.integer(i, 3);
    sequence.minimum = rows.integer(i, 4);
    sequence.maximum = rows.integer(i, 5);
    sequence.may_alter = rows.boolean(i, 6);
    sequence.oid = oid_at(rows, i, 9);
    sequence.unlogged = rows.boolean(i, 10);
    const std::vector<std::string> table_oids = rows.array(i, 7);
    const std::vector<std::string> columns = rows.array(i, 8);
    for (std::size_t u = 0; u < columns.size(); ++u) {
      const auto table = tables.find(static_cast<Oid>(std::stoul(table_oids[u])));
      if (table != tables.end()) sequence.uses.push_back({table->second.name, columns[u]});
    }
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

}  // namespace

std::vector<std::string> schema_queries(SchemaDetail detail) {
  std::vector<std::string_view> queries{sql::types,        sql::tables,    sql::columns,
                                        sql::foreign_keys, sql::sequences, sql::materialized_views};
  if (detail == SchemaDetail::all) {
    queries.insert(queries.end(), {sql::unique_keys, sql::checks, sql::exclusions});
  }
  return {queries.begin(), queries.end()};
}

Schema load_schema(Connection& connection, SchemaDetail detail) {
  // Sent at once: a round trip costs as much as some of these queries.
  std::vector<postgres::Statement> statements;
  for (std::string& query : schema_queries(detail)) statements.push_back({std::move(query), {}});
  return schema_of(connection.query_all(statements), connection.database(),
                   connection.server_version());
}

Schema schema_of(const std::vector<Result>& rows, std::string database, int server_version) {
  Schema schema;
  schema.database = std::move(database);
  schema.server_version = server_version;
  schema.types = load_types(rows[0]);
  TablesByOid tables = load_tables(rows[1]);
  load_columns(rows[2], tables);
  schema.foreign_keys = load_foreign_keys(rows[3], tables);
  schema.sequences = load_sequences(rows[4], tables);
  constexpr std::size_t kWithConstraints = 9;
  if (rows.size() == kWithConstraints) {
    load_unique_keys(rows[6], tables);
    load_checks(rows[7], tables);
    load_exclusions(rows[8], tables);
  }
  const Result& views = rows[5];
  for (std::size_t i = 0; i < views.size(); ++i) {
    schema.materialized_views.push_back({views.get(i, 0), views.get(i, 1)});
  }
  for (auto& [oid, table] : tables) schema.tables.push_back(std::move(table));
  std::sort(schema.tables.begin(), schema.tables.end(),
            [](const Table& a, const Table& b) { return a.name < b.name; });
  return schema;
}

}  // namespace pgcycle::catalog
