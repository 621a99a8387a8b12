#include "pgcycle/migrate/map_columns.hpp"

#include <fmt/format.h>

#include "pgcycle/migrate/data_step_file.hpp"

namespace pgcycle::migrate {

namespace {

using catalog::Column;
using catalog::Table;
using postgres::quote_identifier;
using Kind = JsonValue::Kind;

struct Mapping {
  const Column* to = nullptr;
  const Column* from = nullptr;  // or
  std::string sql;               // an expression over the old row, "o"
  std::string otherwise;         // SQL for values that are null or cannot be cast
  bool bad_values_allowed = false;
  std::uint64_t may_lose = 0;
  Location place;
};

struct MapSpec {
  const Table* from = nullptr;
  const Table* to = nullptr;
  std::string where;
  std::vector<Mapping> columns;

  bool same_table() const { return from == to; }
};

MapSpec read_spec(const catalog::Schema& schema, const std::filesystem::path& path) {
  const DataStepFile file(schema, path);
  DataStepFile::only(file.root(), {"from", "to", "where", "columns"});
  MapSpec spec;
  spec.from = &file.table(file.root(), "from");
  spec.to = file.root().find("to") == nullptr ? spec.from : &file.table(file.root(), "to");
  spec.where = DataStepFile::text(file.root(), "where");
  const JsonValue& columns = DataStepFile::get(file.root(), "columns", Kind::object);
  for (std::size_t i = 0; i < columns.keys.size(); ++i) {
    const JsonValue& value = columns.items[i];
    Mapping mapping;
    mapping.place = columns.key_places[i];
    mapping.to = &spec.to->require_column(columns.keys[i], columns.key_places[i]);
    if (value.is(Kind::string)) {
      mapping.from = &spec.from->require_column(value.text, value.place);
    } else if (value.is(Kind::object)) {
      DataStepFile::only(value, {"from", "sql", "default", "badValues", "mayLose"});
      mapping.sql = DataStepFile::text(value, "sql");
      if (mapping.sql.empty()) mapping.from = &DataStepFile::column(value, "from", *spec.from);
      mapping.otherwise = DataStepFile::text(value, "default");
      const std::string bad = DataStepFile::text(value, "badValues", "fail");
      mapping.bad_values_allowed = bad == "default";
      if (bad != "fail" && bad != "default") {
        throw Error(ErrorCode::input, "\"badValues\" is \"fail\" or \"default\"")
            .at(value.find("badValues")->place);
      }
      mapping.may_lose = DataStepFile::count(value, "mayLose", 0);
    } else {
      throw Error(ErrorCode::input, "a column is mapped by a name or an object").at(value.place);
    }
    spec.columns.push_back(std::move(mapping));
  }
  if (spec.columns.empty()) {
    throw Error(ErrorCode::input, "no columns to map").at(columns.place);
  }
  return spec;
}

class ColumnMap {
 public:
  ColumnMap(postgres::Connection& connection, const catalog::Schema& schema, MapSpec spec)
      : connection_(connection), schema_(schema), spec_(std::move(spec)) {}

  MapColumnsReport run() {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (const Mapping& mapping : spec_.columns) {
      names.push_back(quote_identifier(mapping.to->name));
      values.push_back(value_of(mapping));
    }
    MapColumnsReport report;
    report.lost = find_losses();
    try {
      report.rows = connection_.execute(statement(names, values)).affected_rows();
    } catch (const Error& error) {
      if (!error.sqlstate().starts_with("22")) throw;
      throw Error(ErrorCode::step, fmt::format("a value cannot be cast: {}", error.message()))
          .at(spec_.columns.front().place)
          .sqlstate(error.sqlstate())
          .hint(
              "let bad values take the default with \"badValues\": \"default\", or say how they "
              "are read with \"sql\"");
    }
    return report;
  }

 private:
  std::string statement(const std::vector<std::string>& names,
                        const std::vector<std::string>& values) const {
    const std::string where =
        spec_.where.empty() ? std::string() : fmt::format(" WHERE ({})", spec_.where);
    if (!spec_.same_table()) {
      return fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} o{}", spec_.to->name.sql(),
                         fmt::join(names, ", "), fmt::join(values, ", "), spec_.from->name.sql(),
                         where);
    }
    std::vector<std::string> sets;
    for (std::size_t i = 0; i < names.size(); ++i) sets.push_back(names[i] + " = " + values[i]);
    return fmt::format("UPDATE {} o SET {}{}", spec_.to->name.sql(), fmt::join(sets, ", "), where);
  }

  // The new value as an expression over the old row.
  std::string value_of(const Mapping& mapping) {
    std::string value;
    if (!mapping.sql.empty()) {
      value = fmt::format("({})::{}", mapping.sql, mapping.to->type_sql);
    } else {
      value = "o." + quote_identifier(mapping.from->name);
      if (mapping.bad_values_allowed && !is_same_type(mapping)) {
        value = fmt::format("{}({})", tolerant_cast(*mapping.from, *mapping.to), value);
      } else {
        value = cast(value, *mapping.from, *mapping.to);
      }
    }
    if (mapping.otherwise.empty()) return value;
    return fmt::format("coalesce({}, ({})::{})", value, mapping.otherwise, mapping.to->type_sql);
  }

  static bool is_same_type(const Mapping& mapping) {
    return mapping.from->type_sql == mapping.to->type_sql;
  }

  // As PostgreSQL casts between the types, else by the value's text.
  std::string cast(const std::string& value, const Column& from, const Column& to) {
    if (from.type_sql == to.type_sql) return value;
    const bool is_known =
        from.type == to.type ||
        connection_
            .query(
                "SELECT EXISTS (SELECT FROM pg_cast WHERE castsource = $1::oid AND casttarget = "
                "$2::oid)",
                {std::to_string(from.type), std::to_string(to.type)})
            .boolean(0, 0);
    return fmt::format("{}{}::{}", value, is_known ? "" : "::text", to.type_sql);
  }

  // A function of this session alone that gives null for what the type does not take.
  std::string tolerant_cast(const Column& from, const Column& to) {
    const std::string name = fmt::format("pg_temp.pgcycle_cast_{}", casts_++);
    connection_.execute(fmt::format(
        "CREATE FUNCTION {}({}) RETURNS {} LANGUAGE plpgsql AS $cast$ BEGIN RETURN {}; "
        "EXCEPTION WHEN data_exception OR check_violation OR not_null_violation THEN RETURN NULL; "
        "END $cast$",
        name, from.type_sql, to.type_sql, cast("$1", from, to)));
    return name;
  }

  // What does not come back out of the new value, column by column.
  std::string find_losses() {
    std::string lost;
    for (const Mapping& mapping : spec_.columns) {
      // An expression says itself what it makes.
      if (mapping.from == nullptr || is_same_type(mapping)) continue;
      const std::string old = "o." + quote_identifier(mapping.from->name);
      const std::string back = fmt::format("{}({}({}))", tolerant_cast(*mapping.to, *mapping.from),
                                           tolerant_cast(*mapping.from, *mapping.to), old);
      // 1.5 and 1.50 are one number; of others what they are written like counts.
      const char* as = schema_.type(mapping.from->type).category == 'N' ? "" : "::text";
      const std::string condition = spec_.where.empty() ? "true" : spec_.where;
      const auto rows = connection_.query(fmt::format(
          "SELECT count(*) FROM {} o WHERE ({}) AND {} IS NOT NULL AND {}{} IS DISTINCT FROM {}{}",
          spec_.from->name.sql(), condition, old, back, as, old, as));
      const auto count = static_cast<std::uint64_t>(rows.integer(0, 0));
      if (count == 0) continue;
      const std::string what = fmt::format("{} values of {}", count, mapping.from->name);
      if (count > mapping.may_lose) {
        throw Error(ErrorCode::check, fmt::format("{} would be lost in {} ({})", what,
                                                  mapping.to->name, mapping.to->type_sql))
            .at(mapping.place)
            .hint(fmt::format("if that is meant, say \"mayLose\": {}", count));
      }
      lost += (lost.empty() ? "" : ", ") + what;
    }
    return lost;
  }

  postgres::Connection& connection_;
  const catalog::Schema& schema_;
  MapSpec spec_;
  int casts_ = 0;
};

}  // namespace

MapColumnsReport run_map_columns(postgres::Connection& connection,
                                 const std::filesystem::path& file) {
  QualifiedNamesOnly names(connection);
  const catalog::Schema schema = catalog::load_schema(connection);
  const MapColumnsReport report = ColumnMap(connection, schema, read_spec(schema, file)).run();
  names.end();
  return report;
}

}  // namespace pgcycle::migrate
