// A statement as PostgreSQL's own parser sees it (libpg_query), and what lint asks of it.
// Internal to this folder.
//
// Source of the nodes' names: PostgreSQL's nodes/parsenodes.h. Thread rule: free functions,
// thread-safe. Errors: Error{unsupported} where pgcycle was built without libpg_query.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace pgcycle::migrate {

using Json = nlohmann::json;

// False where pgcycle was built without libpg_query.
bool can_parse_sql();

// The parse tree of one statement; nothing where it is no SQL of PostgreSQL.
std::optional<Json> parse_sql(const std::string& sql);

// A member of a node; an empty object, text or false where it has none.
const Json& at(const Json& node, const char* key);
std::string text(const Json& node, const char* key);
bool flag(const Json& node, const char* key);

// "schema.name" of a RangeVar, the schema left out where it is public.
std::string relation_name(const Json& relation);
// The last of a list of String nodes, with the schema if it has one that matters.
std::string list_name(const Json& list);
// Of a ColumnDef.
std::string type_name(const Json& column);
// varchar's length; nothing where it has none.
std::optional<int> type_length(const Json& column);
// Whether one of the DefElem nodes has the name.
bool has_option(const Json& options, const std::string& name);
// Whether a node of this kind stands anywhere below, for which `matches` holds.
bool any_below(const Json& node, const char* kind, const std::function<bool(const Json&)>& matches);
// A FuncCall whose value differs from row to row.
bool is_volatile_call(const Json& call);

}  // namespace pgcycle::migrate
