#include "pgcycle/migrate/sql_tree.hpp"

#include <algorithm>
#include <set>

#include "pgcycle/support/error.hpp"

#ifdef PGCYCLE_HAS_PG_QUERY
extern "C" {
#include <pg_query.h>
}
#endif

namespace pgcycle::migrate {

namespace {

const Json kNothing = Json::object();

}  // namespace

bool can_parse_sql() {
#ifdef PGCYCLE_HAS_PG_QUERY
  return true;
#else
  return false;
#endif
}

std::optional<Json> parse_sql(const std::string& sql) {
#ifdef PGCYCLE_HAS_PG_QUERY
  const PgQueryParseResult result = pg_query_parse(sql.c_str());
  std::optional<Json> tree;
  if (result.error == nullptr) {
    Json all = Json::parse(result.parse_tree);
    if (all.contains("stmts") && !all["stmts"].empty() && all["stmts"][0].contains("stmt")) {
      tree = std::move(all["stmts"][0]["stmt"]);
    }
  }
  pg_query_free_parse_result(result);
  return tree;
#else
  static_cast<void>(sql);
  throw Error(ErrorCode::unsupported,
              "lint needs libpg_query, which this pgcycle was built without")
      .hint("install libpg-query-dev and build again");
#endif
}

const Json& at(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found == node.end() ? kNothing : *found;
}
std::string text(const Json& node, const char* key) {
  const Json& value = at(node, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
bool flag(const Json& node, const char* key) {
  const Json& value = at(node, key);
  return value.is_boolean() && value.get<bool>();
}

std::string relation_name(const Json& relation) {
  const std::string schema = text(relation, "schemaname");
  return schema.empty() || schema == "public" ? text(relation, "relname")
                                              : schema + "." + text(relation, "relname");
}

std::string list_name(const Json& list) {
  std::vector<std::string> parts;
  for (const Json& item : list) {
    const std::string part = text(at(item, "String"), "sval").empty()
                                 ? text(at(item, "String"), "str")
                                 : text(at(item, "String"), "sval");
    if (!part.empty()) parts.push_back(part);
  }
  if (parts.empty()) return {};
  if (parts.size() > 1 && parts[parts.size() - 2] != "public" &&
      parts[parts.size() - 2] != "pg_catalog") {
    return parts[parts.size() - 2] + "." + parts.back();
  }
  return parts.back();
}

std::string type_name(const Json& column) { return list_name(at(at(column, "typeName"), "names")); }

std::optional<int> type_length(const Json& column) {
  for (const Json& modifier : at(at(column, "typeName"), "typmods")) {
    const Json& value = at(at(at(modifier, "A_Const"), "ival"), "ival");
    if (value.is_number()) return value.get<int>();
  }
  return std::nullopt;
}

bool has_option(const Json& options, const std::string& name) {
  return std::any_of(options.begin(), options.end(), [&name](const Json& option) {
    return text(at(option, "DefElem"), "defname") == name;
  });
}

bool any_below(const Json& node, const char* kind,
               const std::function<bool(const Json&)>& matches) {
  if (node.is_object()) {
    for (const auto& [key, value] : node.items()) {
      if (key == kind && matches(value)) return true;
      if (any_below(value, kind, matches)) return true;
    }
  } else if (node.is_array()) {
    return std::any_of(node.begin(), node.end(),
                       [&](const Json& item) { return any_below(item, kind, matches); });
  }
  return false;
}

bool is_volatile_call(const Json& call) {
  static const std::set<std::string> kVolatile{
      "random",          "gen_random_uuid",  "uuid_generate_v1",    "uuid_generate_v4", "nextval",
      "clock_timestamp", "timeofday",        "statement_timestamp", "setval",           "uuidv4",
      "uuidv7",          "gen_random_bytes", "uuid_generate_v1mc"};
  // statement_timestamp is stable, and so is now(): they are one value for all rows.
  const std::string name = list_name(at(call, "funcname"));
  return name != "statement_timestamp" && kVolatile.contains(name);
}

}  // namespace pgcycle::migrate
