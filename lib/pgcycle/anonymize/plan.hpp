// Which columns are masked and how: the rules held against the catalogue.
//
// Fails closed. Every column that could hold text, bytes, json, network
// addresses, places or dates of people must have a rule; what cannot (numbers,
// booleans, enums, UUIDs, timestamps, intervals) is safe by its type, unless its
// name says otherwise. A foreign key's column takes the rule of what it
// references. Everything that is wrong is reported at once, before any row is
// read.
//
// Thread rule: immutable after making, shared by threads. Errors: Error{check}
// for columns without a rule, Error{config} for rules that cannot hold.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgcycle/anonymize/rules.hpp"
#include "pgcycle/catalog/schema.hpp"

namespace pgcycle::anonymize {

// Changes a column's value, in PostgreSQL's text form; nothing is NULL. Tells the row's
// observer, if there is one, of every text within the value.
// Throws Error{check} without the value when a value meets no rule.
using ColumnMask = ValueMap;

// The paths of a json rule that no value has met; none where there was no value.
using IdlePaths = std::function<std::vector<const JsonPathRule*>()>;

enum class ColumnClass { safe_type, kept, masked };

struct ColumnPlan {
  ColumnClass column_class = ColumnClass::safe_type;
  std::string rule = {};      // what a person reads: generator, paths, or "as public.users.id"
  ColumnMask mask = {};       // empty unless masked
  IdlePaths idle_paths = {};  // of a json rule
  std::set<std::string> holds = {};  // kinds of data that may stay in what is kept
  std::string sql = {};              // in place of the column, where the rule is an expression
};

class AnonymizationPlan {
 public:
  const ColumnPlan& column(const catalog::QualifiedName& table, const std::string& name) const;
  std::size_t masked_columns() const;
  const std::string& rules_hash() const { return rules_hash_; }
  // Throws Error{config} that lists the json paths that met no value, once all rows are masked;
  // those that look at any depth (..) may.
  void require_used_paths() const;
  // The same for rows that this plan has already changed: their values stay, and count as masked.
  AnonymizationPlan applied() const;

 private:
  friend class PlanBuilder;
  std::map<std::pair<catalog::QualifiedName, std::string>, ColumnPlan> columns_;
  std::string rules_hash_;
};

// The mask that a generator makes of plain text, without a table around it.
ColumnMask make_mask(const GeneratorSpec& generator, const PseudonymKey& key,
                     const ValueLimits& limits);

// What becomes of rules that name nothing in the schema.
enum class IdleRules {
  refused,
  left_alone  // they are for a schema that migrations make of this one
};

// Plans for the given tables of the schema.
AnonymizationPlan make_plan(const catalog::Schema& schema,
                            const std::vector<const catalog::Table*>& tables, const RuleSet& rules,
                            const PseudonymKey& key, IdleRules idle = IdleRules::refused);

// A rule that a person could start from, by the column's name and type.
std::string propose_rule(const catalog::Schema& schema, const catalog::Table& table,
                         const catalog::Column& column);

// That rule, or the generator "text" where the rule's would not fit into the column or be told
// apart by its unique keys.
std::string fitting_rule(const catalog::Table& table, const catalog::Column& column,
                         std::string_view rule);

}  // namespace pgcycle::anonymize
