// The rules of `anonymize.rules` in pgcycle.json: which generator a column, a
// field of a composite value or a path inside json gets.
//
// Rule names are schema.table.column as in SQL, with * for the table's or the
// column's part. The most specific rule wins: a name over a wildcard, the
// column's part before the table's.
//
// Thread rule: immutable after reading. Errors: Error{config} with the place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/anonymize/generator.hpp"
#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::anonymize {

// One step of a path inside json.
struct PathStep {
  enum class Kind { key, any_key, any_element, descend };
  Kind kind = Kind::key;
  std::string key;
};

// "$.contacts[*].phone": $, .key, ["key"], .*, [*] and .. before a key or *. A
// path that ends in ~ is about the members' names: "$.by_email.*~".
struct JsonPathRule {
  std::string text;
  std::vector<PathStep> steps;
  bool names = false;
  GeneratorSpec generator;
};

struct Rule {
  std::string pattern;            // as written
  std::vector<std::string> name;  // schema, table, column; "*" where anything goes
  Location place;
  std::string value;                            // as JSON
  std::optional<GeneratorSpec> generator;       // a plain rule
  std::vector<JsonPathRule> paths;              // {"json": {…}}
  std::map<std::string, GeneratorSpec> fields;  // {"fields": {…}}
};

class RuleSet {
 public:
  static RuleSet from_config(const Config& config);

  // The rule that holds for this column, or nullptr.
  const Rule* find(const postgres::QualifiedName& table, std::string_view column) const;
  const std::vector<Rule>& all() const { return rules_; }
  // SHA-256 in hex over all rules, whatever their order.
  std::string hash() const;

 private:
  std::vector<Rule> rules_;
  std::string canonical_;
};

// The rule for a value at `path` (object keys and "[]" for elements), the most
// specific one; a rule also holds for everything below the place it names.
const JsonPathRule* match_path(const std::vector<JsonPathRule>& rules,
                               const std::vector<std::string>& path);

// The rule for the name of the member at `path`, or nullptr.
const JsonPathRule* match_name(const std::vector<JsonPathRule>& rules,
                               const std::vector<std::string>& path);

// True when a rule names a member so: then the name is part of the format.
bool is_named(const std::vector<JsonPathRule>& rules, std::string_view member);

}  // namespace pgcycle::anonymize
