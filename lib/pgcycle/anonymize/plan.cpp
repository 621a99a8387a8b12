#include "pgcycle/anonymize/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include "pgcycle/anonymize/column_mask.hpp"
#include "pgcycle/anonymize/detector.hpp"
#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/postgres/container_text.hpp"

namespace pgcycle::anonymize {

using catalog::Column;
using catalog::ForeignKey;
using catalog::Schema;
using catalog::Table;
using catalog::Type;
using catalog::TypeKind;

namespace {

// Numbers that identify people are told by their names alone.
bool is_number_of_a_person(const Schema& schema, const Column& column) {
  if (schema.base_type(column.type).category != 'N') return false;
  const std::string name = lower_case(column.name);
  for (const std::string_view part :
       {"phone", "mobile", "ssn", "passport", "iban", "card_number", "tax_id", "national"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

// n of varchar(n) and char(n).
std::optional<std::size_t> max_length_of(const Column& column) {
  const std::size_t open = column.type_sql.find('(');
  if (!column.type_sql.starts_with("character") || open == std::string::npos) return {};
  std::size_t length = 0;
  std::from_chars(column.type_sql.data() + open + 1,
                  column.type_sql.data() + column.type_sql.size(), length);
  return length;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

enum class KeyForm { columns, lower_case, json_members, other };

// What the expressions of a unique index are made of, told by its definition.
KeyForm form_of(const catalog::UniqueKey& key) {
  if (!key.columns.empty()) return KeyForm::columns;
  const std::size_t open = key.definition.find('(');
  std::string text = key.definition.substr(open + 1, key.definition.find(" WHERE ") - open - 1);
  const auto without = [&text](const char* pattern) {
    const std::string shorter = std::regex_replace(text, std::regex(pattern), "");
    const bool found = shorter.size() != text.size();
    text = shorter;
    return found;
  };
  without(R"("[^"]*")");
  without(R"(::[a-z_. ]+(\([0-9]+\))?)");
  const bool json = without(R"(->>? *'([^']|'')*')");
  const bool lower = without(R"(\b(lower|upper)\()");
  const bool plain = text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_$., ()") == std::string::npos &&
                     !std::regex_search(text, std::regex(R"([a-zA-Z0-9_]\()"));
  if (!plain) return KeyForm::other;
  if (json) return lower ? KeyForm::other : KeyForm::json_members;
  return lower ? KeyForm::lower_case : KeyForm::other;
}

// Every generator of a rule.
std::vector<const GeneratorSpec*> generators_of(const Rule& rule) {
  std::vector<const GeneratorSpec*> out;
  if (rule.generator) out.push_back(&*rule.generator);
  for (const JsonPathRule& path : rule.paths) out.push_back(&path.generator);
  for (const auto& [field, generator] : rule.fields) out.push_back(&generator);
  return out;
}

std::string describe_rule(const Rule& rule) {
  if (rule.generator) return rule.generator->name;
  if (!rule.paths.empty()) return fmt::format("json, {} paths", rule.paths.size());
  return fmt::format("{} fields", rule.fields.size());
}

// "email, phone" of {"generator": "keep", "holds": "email, phone"}.
std::set<std::string> holds_of(const Rule& rule) {
  std::set<std::string> out;
  for (const GeneratorSpec* generator : generators_of(rule)) {
    const auto option = generator->options.find("holds");
    if (option == generator->options.end()) continue;
    std::string name;
    for (const char c : option->second.text + ",") {
      if (c == ' ') continue;
      if (c != ',') {
        name.push_back(c);
      } else if (!name.empty()) {
        out.insert(std::exchange(name, {}));
      }
    }
  }
  for (const std::string& name : out) {
    if (name == "email" || name == "iban" || name == "card") continue;
    throw Error(ErrorCode::config, fmt::format("\"holds\" does not know \"{}\"", name))
        .at(rule.place)
        .hint("it knows email, iban and card");
  }
  return out;
}

}  // namespace

// Makes the plan table by table, collecting every error.
class PlanBuilder {
 public:
  PlanBuilder(const Schema& schema, const std::vector<const Table*>& tables, const RuleSet& rules,
              const PseudonymKey& key)
      : schema_(schema), tables_(tables), rules_(rules), key_(key) {}

  AnonymizationPlan build(IdleRules idle) {
    if (idle == IdleRules::refused) check_rules_name_something();
    for (const Table* table : tables_) {
      for (const Column* column : table->stored_columns()) add_own_rule(*table, *column);
    }
    inherit_along_foreign_keys();
    for (const Table* table : tables_) {
      for (const Column* column : table->stored_columns()) require_class(*table, *column);
    }
    config_errors_.raise_if_any();
    raise_unclassified();
    plan_.rules_hash_ = rules_.hash();
    return std::move(plan_);
  }

 private:
  using ColumnId = std::pair<catalog::QualifiedName, std::string>;
  static ColumnId id_of(const Table& table, const std::string& column) {
    return {table.name, column};
  }

  void check_rules_name_something() {
    std::vector<std::string> known;
    for (const Table& table : schema_.tables) {
      for (const Column& column : table.columns) {
        known.push_back(table.name.display() + "." + postgres::display_identifier(column.name));
      }
    }
    for (const Rule& rule : rules_.all()) {
      bool found = false;
      for (const Table& table : schema_.tables) {
        if (rule.name[0] != "*" && rule.name[0] != table.name.schema) continue;
        if (rule.name[1] != "*" && rule.name[1] != table.name.name) continue;
        found = found || rule.name[2] == "*" || table.find_column(rule.name[2]) != nullptr;
      }
      if (found) continue;
      config_errors_.add(
          Error(ErrorCode::config, fmt::format("no column matches the rule \"{}\"", rule.pattern))
              .at(rule.place)
              .hint(did_you_mean(rule.pattern, known, "remove the rule, or correct its name")));
    }
  }

  void add_own_rule(const Table& table, const Column& column) {
    const Rule* rule = rules_.find(table.name, column.name);
    if (rule == nullptr) return;
    own_rules_[id_of(table, column.name)] = rule;
    try {
      plan_.columns_[id_of(table, column.name)] = plan_for(table, column, *rule);
    } catch (const Error& error) {
      config_errors_.add(error);
      plan_.columns_[id_of(table, column.name)] = {};  // reported once, as what it is
    }
  }

  ColumnPlan plan_for(const Table& table, const Column& column, const Rule& rule) {
    const std::string name = table.name.display() + "." + postgres::display_identifier(column.name);
    const Type& type = schema_.base_type(column.type);
    ColumnPlan plan{
        .column_class = ColumnClass::masked, .rule = describe_rule(rule), .holds = holds_of(rule)};
    const ValueLimits limits = limits_of(table, column, rule, name);
    if (!rule.paths.empty()) {
      if (type.form != catalog::JsonForm::json && type.form != catalog::JsonForm::jsonb) {
        throw Error(ErrorCode::config, fmt::format("{} is {}, not json", name, column.type_sql))
            .at(rule.place);
      }
      JsonMask json = make_json_mask(rule.paths, key_, name, limits.unique);
      plan.mask = std::move(json.mask);
      plan.idle_paths = std::move(json.idle_paths);
      return plan;
    }
    if (!rule.fields.empty()) {
      plan.mask = fields_mask(type, rule, name, column, limits.unique);
      return plan;
    }
    if (rule.generator->name == "keep")
      return {.column_class = ColumnClass::kept, .rule = "keep", .holds = holds_of(rule)};
    if (rule.generator->name == "null" && column.not_null) {
      throw Error(ErrorCode::config, fmt::format("{} is NOT NULL, but its rule is \"null\"", name))
          .at(rule.place)
          .hint("use \"fixed\" with a value, or another generator");
    }
    plan.mask = make_value_mask(schema_, column.type, *rule.generator, key_, limits);
    if (rule.generator->name == "sql") {
      plan.sql = rule.generator->options.at("expression").text;
      plan.mask = {};
    }
    return plan;
  }

  ColumnMask fields_mask(const Type& type, const Rule& rule, const std::string& name,
                         const Column& column, bool unique) const {
    if (type.kind == TypeKind::composite) {
      return make_fields_mask(schema_, type, rule, key_, unique);
    }
    const Type& element = schema_.base_type(type.element);
    if (type.kind != TypeKind::array || element.kind != TypeKind::composite) {
      throw Error(ErrorCode::config,
                  fmt::format("{} is {}, not a composite type", name, column.type_sql))
          .at(rule.place);
    }
    const ColumnMask mask = make_fields_mask(schema_, element, rule, key_, unique);
    return [mask, delimiter = type.delimiter](std::string_view text,
                                              const MaskRow& row) -> std::optional<std::string> {
      return postgres::map_array(text, delimiter,
                                 [&mask, &row](const postgres::ContainerItem& item) {
                                   return item ? mask(*item, row) : std::nullopt;
                                 });
    };
  }

  // What the catalogue asks of the column's values. Throws where the rule cannot give it.
  ValueLimits limits_of(const Table& table, const Column& column, const Rule& rule,
                        const std::string& name) const {
    ValueLimits limits{.max_length = max_length_of(column), .column = name};
    for (const Column* stored : table.stored_columns()) limits.columns.push_back(stored->name);
    limits.fold_case = schema_.base_type(column.type).name.name == "citext";
    const std::vector<const GeneratorSpec*> generators = generators_of(rule);
    const bool leaves_as_is =
        rule.generator && (rule.generator->name == "keep" || rule.generator->name == "null");
    if (leaves_as_is) return limits;
    for (const catalog::UniqueKey& key : table.unique_keys) {
      if (!contains(key.depends_on, column.name)) continue;
      for (const GeneratorSpec* generator : generators) {
        if (find_generator(generator->name)->unique != Uniqueness::never) continue;
        throw Error(ErrorCode::config,
                    fmt::format("{} is unique, but \"{}\" may give two rows one value", name,
                                generator->name))
            .at(rule.place)
            .constraint(key.name)
            .detail(fmt::format("unique by {}", postgres::display_identifier(key.name)))
            .hint(
                "generators that stay unique: email, username, phone, text, hash, uuid, names "
                "and others; docs/anonymization.md lists them");
      }
      const KeyForm form = form_of(key);
      if (form == KeyForm::other) {
        throw Error(ErrorCode::config,
                    fmt::format("{} is part of an expression that must stay unique, and nothing "
                                "is known of what the rule makes of it",
                                name))
            .at(rule.place)
            .constraint(key.name)
            .detail(key.definition)
            .hint("only lower(), upper() and members of json are known; use \"keep\" or \"null\"");
      }
      limits.unique = true;
      limits.fold_case = limits.fold_case || form == KeyForm::lower_case;
    }
    for (const catalog::ExclusionConstraint& exclusion : table.exclusions) {
      if (!contains(exclusion.depends_on, column.name)) continue;
      throw Error(ErrorCode::config,
                  fmt::format("{} is part of an exclusion constraint, which masked values may "
                              "break",
                              name))
          .at(rule.place)
          .constraint(exclusion.name)
          .detail(fmt::format("excluded by {}", postgres::display_identifier(exclusion.name)))
          .hint("use \"keep\" or \"null\" for this column");
    }
    return limits;
  }

  // A foreign key's column must change exactly as what it references does, also where it has
  // the same rule of its own.
  void inherit_along_foreign_keys() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const ForeignKey& key : schema_.foreign_keys) {
        for (std::size_t i = 0; i < key.columns.size(); ++i) {
          changed = inherit(key, i) || changed;
        }
      }
    }
  }

  bool inherit(const ForeignKey& key, std::size_t i) {
    const ColumnId from{key.referenced_table, key.referenced_columns[i]};
    const ColumnId to{key.table, key.columns[i]};
    const auto source = plan_.columns_.find(from);
    if (source == plan_.columns_.end() || from == to || inherited_.contains(to)) return false;
    const std::string referenced =
        fmt::format("{}.{}", from.first.display(), postgres::display_identifier(from.second));
    const auto own = own_rules_.find(to);
    const auto theirs = own_rules_.find(from);
    if (own != own_rules_.end() && theirs != own_rules_.end() &&
        !same_generators(*own->second, *theirs->second)) {
      inherited_.insert(to);
      config_errors_.add(
          Error(ErrorCode::config,
                fmt::format("{}.{} references {}, and has another rule", to.first.display(),
                            postgres::display_identifier(to.second), referenced))
              .at(own->second->place)
              .constraint(key.name)
              .hint("remove the rule: a foreign key takes that of what it references"));
      return false;
    }
    ColumnPlan inherited = source->second;
    inherited.rule = "as " + referenced;
    plan_.columns_.insert_or_assign(to, std::move(inherited));
    if (theirs != own_rules_.end()) own_rules_.insert_or_assign(to, theirs->second);
    inherited_.insert(to);
    return true;
  }

  static bool same_generators(const Rule& a, const Rule& b) { return a.value == b.value; }

  void require_class(const Table& table, const Column& column) {
    const auto id = id_of(table, column.name);
    if (plan_.columns_.contains(id)) return;
    if (is_safe_type(schema_, column.type) && !is_number_of_a_person(schema_, column)) {
      plan_.columns_[id] = {.column_class = ColumnClass::safe_type, .rule = column.type_sql};
      return;
    }
    if (takes_rule_of_unclassified(table, column)) return;
    unclassified_.push_back(fmt::format("\"{}.{}\": {}", json_escaped(table.name.display()),
                                        json_escaped(postgres::display_identifier(column.name)),
                                        propose_rule(schema_, table, column)));
  }

  // A rule for the referenced column, which is asked for, will hold here as well.
  bool takes_rule_of_unclassified(const Table& table, const Column& column) const {
    for (const ForeignKey& key : schema_.foreign_keys) {
      if (key.table != table.name) continue;
      for (std::size_t i = 0; i < key.columns.size(); ++i) {
        if (key.columns[i] != column.name) continue;
        if (key.referenced_table == table.name && key.referenced_columns[i] == column.name)
          continue;
        for (const Table* extracted : tables_) {
          if (extracted->name == key.referenced_table) return true;
        }
      }
    }
    return false;
  }

  // Names stand inside a JSON string in the proposal.
  static std::string json_escaped(const std::string& text) {
    std::string quoted;
    append_json_string(quoted, text);
    return quoted.substr(1, quoted.size() - 2);
  }

  void raise_unclassified() const {
    if (unclassified_.empty()) return;
    std::string list;
    for (const std::string& line : unclassified_) list += (list.empty() ? "" : ",\n") + line;
    throw Error(ErrorCode::check,
                fmt::format("{} column{} could hold personal data and {} no rule",
                            unclassified_.size(), unclassified_.size() == 1 ? "" : "s",
                            unclassified_.size() == 1 ? "has" : "have"))
        .detail(list)
        .hint(
            "add rules like these to anonymize.rules in pgcycle.json, or \"keep\" where a "
            "column is not personal");
  }

  const Schema& schema_;
  const std::vector<const Table*>& tables_;
  const RuleSet& rules_;
  const PseudonymKey& key_;
  AnonymizationPlan plan_;
  std::map<ColumnId, const Rule*> own_rules_;
  std::set<ColumnId> inherited_;
  ErrorList config_errors_;
  std::vector<std::string> unclassified_;
};

const ColumnPlan& AnonymizationPlan::column(const catalog::QualifiedName& table,
                                            const std::string& name) const {
  const auto found = columns_.find({table, name});
  if (found == columns_.end()) {
    throw Error(ErrorCode::internal,
                fmt::format("{}.{} was never classified", table.display(), name));
  }
  return found->second;
}

std::size_t AnonymizationPlan::masked_columns() const {
  std::size_t count = 0;
  for (const auto& [id, plan] : columns_) {
    if (plan.column_class == ColumnClass::masked) ++count;
  }
  return count;
}

void AnonymizationPlan::require_used_paths() const {
  ErrorList errors;
  std::set<const JsonPathRule*> told;
  for (const auto& [id, column] : columns_) {
    if (!column.idle_paths) continue;
    for (const JsonPathRule* path : column.idle_paths()) {
      const bool any_depth = path->text.find("..") != std::string::npos;
      if (any_depth || !told.insert(path).second) continue;
      errors.add(
          Error(ErrorCode::config,
                fmt::format("the path {} meets no value of {}.{}", path->text, id.first.display(),
                            postgres::display_identifier(id.second)))
              .at(path->generator.place)
              .hint("correct the path; for a member that no row may have, look for it at any "
                    "depth: $..member"));
    }
  }
  errors.raise_if_any();
}

AnonymizationPlan AnonymizationPlan::applied() const {
  AnonymizationPlan out = *this;
  for (auto& [id, column] : out.columns_) {
    if (!column.mask) continue;
    column.idle_paths = {};
    column.mask = [](std::string_view text, const MaskRow&) { return std::string(text); };
  }
  return out;
}

AnonymizationPlan make_plan(const Schema& schema, const std::vector<const Table*>& tables,
                            const RuleSet& rules, const PseudonymKey& key, IdleRules idle) {
  return PlanBuilder(schema, tables, rules, key).build(idle);
}

std::string fitting_rule(const Table& table, const Column& column, std::string_view rule) {
  constexpr std::string_view kFitsAnything = "text";
  if (rule.starts_with('{') || rule == "keep" || rule == "null") return std::string(rule);
  const ValueLimits limits{.max_length = max_length_of(column),
                           .unique = table.has_unique_key_on(column.name)};
  const GeneratorTraits* traits = find_generator(rule);
  if (limits.unique && traits != nullptr && traits->unique == Uniqueness::never) {
    return std::string(kFitsAnything);
  }
  try {
    make_generator({std::string(rule), {}, {}}, PseudonymKey::from_hex(std::string(64, '0')),
                   limits);
  } catch (const Error&) {
    return std::string(kFitsAnything);
  }
  return std::string(rule);
}

std::string propose_rule(const Schema& schema, const Table& table, const Column& column) {
  const Type& type = schema.base_type(column.type);
  if (type.form == catalog::JsonForm::json || type.form == catalog::JsonForm::jsonb) {
    return R"({"json": {"$..*": "text"}})";
  }
  const Type& element = schema.base_type(type.element);
  const Type& composite = type.kind == TypeKind::array ? element : type;
  if (composite.kind == TypeKind::composite) {
    std::string fields;
    for (const catalog::CompositeField& field : composite.fields) {
      const std::string_view hint = rule_by_name(field.name);
      fields += fmt::format("{}\"{}\": \"{}\"", fields.empty() ? "" : ", ", field.name,
                            hint.empty() ? "text" : hint);
    }
    return fmt::format("{{\"fields\": {{{}}}}}", fields);
  }
  if (type.name.name == "bytea") return "\"bytes\"";
  if (type.name.name == "date") return R"({"generator": "date_shift", "days": 365})";
  if (type.name.name == "inet" || type.name.name == "cidr") return "\"ip\"";
  const bool text =
      type.category == 'S' || (type.kind == TypeKind::array && element.category == 'S');
  if (!text) return column.not_null ? "\"keep\"" : "\"null\"";
  const std::string_view hint = rule_by_name(column.name);
  return fmt::format("\"{}\"", fitting_rule(table, column, hint.empty() ? "scrub" : hint));
}

}  // namespace pgcycle::anonymize
