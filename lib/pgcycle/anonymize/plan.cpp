#include "pgcycle/anonymize/plan.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <set>

#include "pgcycle/anonymize/column_mask.hpp"
#include "pgcycle/postgres/container_text.hpp"

namespace pgcycle::anonymize {

using catalog::Column;
using catalog::ForeignKey;
using catalog::Schema;
using catalog::Table;
using catalog::Type;
using catalog::TypeKind;

namespace {

struct NameHint {
  std::string_view part;  // of the column's lower-case name
  std::string_view rule;
};

constexpr std::array<NameHint, 34> kNameHints{{
    {"email", "email"},
    {"e_mail", "email"},
    {"phone", "phone"},
    {"mobile", "phone"},
    {"telefon", "phone"},
    {"fax", "phone"},
    {"first_name", "first_name"},
    {"firstname", "first_name"},
    {"given", "first_name"},
    {"last_name", "last_name"},
    {"lastname", "last_name"},
    {"surname", "last_name"},
    {"username", "username"},
    {"login", "username"},
    {"password", "password"},
    {"passwd", "password"},
    {"iban", "iban"},
    {"account", "text"},
    {"ssn", "text"},
    {"passport", "text"},
    {"tax_id", "text"},
    {"national", "text"},
    {"card_number", "text"},
    {"street", "street_address"},
    {"address", "street_address"},
    {"city", "city"},
    {"town", "city"},
    {"postcode", "postcode"},
    {"postal", "postcode"},
    {"zip", "postcode"},
    {"company", "company"},
    {"url", "url"},
    {"link", "url"},
    {"name", "person_name"},
}};

std::string lower_ascii(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string_view hint_by_name(const std::string& column) {
  const std::string name = lower_ascii(column);
  for (const NameHint& hint : kNameHints) {
    if (name.find(hint.part) != std::string::npos) return hint.rule;
  }
  return {};
}

// Numbers that identify people are told by their names alone.
bool is_number_of_a_person(const Schema& schema, const Column& column) {
  if (schema.base_type(column.type).category != 'N') return false;
  const std::string name = lower_ascii(column.name);
  for (const std::string_view part :
       {"phone", "mobile", "ssn", "passport", "iban", "card_number", "tax_id", "national"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

// n of varchar(n) and char(n).
ValueLimits limits_of(const Schema& schema, const Column& column) {
  const std::size_t open = column.type_sql.find('(');
  if (!column.type_sql.starts_with("character") || open == std::string::npos) return {};
  std::size_t length = 0;
  std::from_chars(column.type_sql.data() + open + 1,
                  column.type_sql.data() + column.type_sql.size(), length);
  static_cast<void>(schema);
  return {length};
}

const catalog::UniqueKey* unique_key_on(const Table& table, const std::string& column) {
  for (const catalog::UniqueKey& key : table.unique_keys) {
    if (key.columns.size() == 1 && key.columns.front() == column) return &key;
  }
  return nullptr;
}

std::string describe_rule(const Rule& rule) {
  if (rule.generator) return rule.generator->name;
  if (!rule.paths.empty()) return fmt::format("json, {} paths", rule.paths.size());
  return fmt::format("{} fields", rule.fields.size());
}

}  // namespace

// Makes the plan table by table, collecting every error.
class PlanBuilder {
 public:
  PlanBuilder(const Schema& schema, const std::vector<const Table*>& tables, const RuleSet& rules,
              const PseudonymKey& key)
      : schema_(schema), tables_(tables), rules_(rules), key_(key) {}

  AnonymizationPlan build() {
    check_rules_name_something();
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
  static std::pair<catalog::QualifiedName, std::string> id_of(const Table& table,
                                                              const std::string& column) {
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
    ColumnPlan plan{ColumnClass::masked, describe_rule(rule), {}};
    if (!rule.paths.empty()) {
      if (type.form != catalog::JsonForm::json && type.form != catalog::JsonForm::jsonb) {
        throw Error(ErrorCode::config, fmt::format("{} is {}, not json", name, column.type_sql))
            .at(rule.place);
      }
      plan.mask = make_json_mask(rule.paths, key_, name);
      return plan;
    }
    if (!rule.fields.empty()) {
      plan.mask = fields_mask(type, rule, name, column);
      return plan;
    }
    const GeneratorTraits& traits = *find_generator(rule.generator->name);
    if (!traits.changes) return {ColumnClass::kept, "keep", {}};
    check_constraints(table, column, traits, rule, name);
    plan.mask =
        make_value_mask(schema_, column.type, *rule.generator, key_, limits_of(schema_, column));
    return plan;
  }

  ColumnMask fields_mask(const Type& type, const Rule& rule, const std::string& name,
                         const Column& column) const {
    if (type.kind == TypeKind::composite) return make_fields_mask(schema_, type, rule, key_);
    const Type& element = schema_.base_type(type.element);
    if (type.kind != TypeKind::array || element.kind != TypeKind::composite) {
      throw Error(ErrorCode::config,
                  fmt::format("{} is {}, not a composite type", name, column.type_sql))
          .at(rule.place);
    }
    const ColumnMask mask = make_fields_mask(schema_, element, rule, key_);
    return [mask, delimiter = type.delimiter](std::string_view text) -> std::optional<std::string> {
      return postgres::map_array(text, delimiter, [&mask](const postgres::ContainerItem& item) {
        return item ? mask(*item) : std::nullopt;
      });
    };
  }

  void check_constraints(const Table& table, const Column& column, const GeneratorTraits& traits,
                         const Rule& rule, const std::string& name) const {
    if (traits.name == "null" && column.not_null) {
      throw Error(ErrorCode::config, fmt::format("{} is NOT NULL, but its rule is \"null\"", name))
          .at(rule.place)
          .hint("use \"fixed\" with a value, or another generator");
    }
    const catalog::UniqueKey* key = unique_key_on(table, column.name);
    if (key != nullptr && !traits.unique && traits.name != "null") {
      throw Error(
          ErrorCode::config,
          fmt::format("{} is unique, but \"{}\" may give two rows one value", name, traits.name))
          .at(rule.place)
          .constraint(key->name)
          .detail(fmt::format("unique by {}", postgres::display_identifier(key->name)))
          .hint("generators that stay unique: username, email, phone, iban, url, hash");
    }
  }

  // A foreign key's column must change exactly as what it references does.
  void inherit_along_foreign_keys() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const ForeignKey& key : schema_.foreign_keys) {
        for (std::size_t i = 0; i < key.columns.size(); ++i) {
          const auto from = plan_.columns_.find({key.referenced_table, key.referenced_columns[i]});
          const std::pair to{key.table, key.columns[i]};
          if (from == plan_.columns_.end() || plan_.columns_.contains(to)) continue;
          ColumnPlan inherited = from->second;
          inherited.rule = fmt::format("as {}.{}", key.referenced_table.display(),
                                       postgres::display_identifier(key.referenced_columns[i]));
          plan_.columns_.emplace(to, std::move(inherited));
          changed = true;
        }
      }
    }
  }

  void require_class(const Table& table, const Column& column) {
    const auto id = id_of(table, column.name);
    if (plan_.columns_.contains(id)) return;
    if (is_safe_type(schema_, column.type) && !is_number_of_a_person(schema_, column)) {
      plan_.columns_[id] = {ColumnClass::safe_type, column.type_sql, {}};
      return;
    }
    if (takes_rule_of_unclassified(table, column)) return;
    unclassified_.push_back(fmt::format("\"{}.{}\": {}", json_escaped(table.name.display()),
                                        json_escaped(postgres::display_identifier(column.name)),
                                        propose_rule(schema_, column)));
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

AnonymizationPlan make_plan(const Schema& schema, const std::vector<const Table*>& tables,
                            const RuleSet& rules, const PseudonymKey& key) {
  return PlanBuilder(schema, tables, rules, key).build();
}

std::string propose_rule(const Schema& schema, const Column& column) {
  const Type& type = schema.base_type(column.type);
  if (type.form == catalog::JsonForm::json || type.form == catalog::JsonForm::jsonb) {
    return R"({"json": {"$..*": "text"}})";
  }
  const Type& element = schema.base_type(type.element);
  const Type& composite = type.kind == TypeKind::array ? element : type;
  if (composite.kind == TypeKind::composite) {
    std::string fields;
    for (const catalog::CompositeField& field : composite.fields) {
      const std::string_view hint = hint_by_name(field.name);
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
  const std::string_view hint = hint_by_name(column.name);
  return fmt::format("\"{}\"", hint.empty() ? "scrub" : hint);
}

}  // namespace pgcycle::anonymize
