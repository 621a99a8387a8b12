#include "pgcycle/catalog/object_kinds.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace pgcycle::catalog {

namespace {

struct Kind {
  std::string_view name;
  bool made_by_statements = false;
};

// In the order of making.
constexpr std::array kKinds = std::to_array<Kind>({
    {"schema"},
    {"extension"},
    {"language", true},
    {"access method", true},
    {"collation", true},
    {"foreign data wrapper", true},
    {"server", true},
    {"text search parser", true},
    {"text search template", true},
    {"text search dictionary", true},
    {"text search configuration", true},
    {"base type"},
    {"enum"},
    {"domain"},
    {"composite type"},
    {"range type"},
    {"sequence"},
    {"table"},
    {"foreign table"},
    {"column"},
    {"function"},
    {"procedure"},
    {"operator", true},
    {"operator family", true},
    {"operator class", true},
    {"cast", true},
    {"transform", true},
    {"conversion", true},
    {"aggregate"},
    {"view"},
    {"materialized view"},
    {"constraint"},
    {"index"},
    {"statistics"},
    {"rule"},
    {"trigger"},
    {"policy"},
    {"publication", true},
    {"published table", true},
    {"published schema", true},
    {"default privileges", true},
    {"event trigger", true},
});

const Kind* find_kind(const std::string& name) {
  return std::find_if(kKinds.begin(), kKinds.end(),
                      [&name](const Kind& kind) { return kind.name == name; });
}

}  // namespace

const int kUnknownRank = static_cast<int>(kKinds.size());

bool is_type(const std::string& kind) {
  return kind == "enum" || kind == "domain" || kind == "composite type" || kind == "range type" ||
         kind == "base type";
}

bool is_routine(const std::string& kind) {
  return kind == "function" || kind == "procedure" || kind == "aggregate";
}

bool is_relation(const std::string& kind) {
  return kind == "table" || kind == "view" || kind == "materialized view" ||
         kind == "foreign table" || kind == "sequence";
}

bool is_made_by_statements(const std::string& kind) {
  const Kind* const found = find_kind(kind);
  return found != kKinds.end() && found->made_by_statements;
}

bool can_be_made_again(const std::string& kind) {
  return kind == "view" || kind == "materialized view" || kind == "constraint" || kind == "index" ||
         kind == "trigger" || kind == "policy" || kind == "rule" || kind == "statistics" ||
         is_routine(kind) || is_made_by_statements(kind);
}

bool goes_behind_tables(const std::string& kind) {
  if (kind == "event trigger" || kind == "default privileges" || kind.starts_with("publi")) {
    return false;
  }
  return is_routine(kind) || is_made_by_statements(kind);
}

int rank_of(const std::string& kind) { return static_cast<int>(find_kind(kind) - kKinds.begin()); }

bool is_managed(const CatalogObject& object) {
  return !object.property("identity of").empty() || !object.property("inherited").empty();
}

}  // namespace pgcycle::catalog
