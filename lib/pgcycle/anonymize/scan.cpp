#include "pgcycle/anonymize/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "pgcycle/anonymize/column_mask.hpp"
#include "pgcycle/anonymize/detector.hpp"
#include "pgcycle/anonymize/text_shape.hpp"
#include "pgcycle/postgres/container_text.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::anonymize {

using catalog::Column;
using catalog::Schema;
using catalog::Table;
using catalog::Type;
using catalog::TypeKind;

namespace {

constexpr double kSampleRows = 20000;      // of each table
constexpr std::size_t kDistinctKept = 64;  // values that are told apart
constexpr double kMost = 0.6;              // of the values: the place is of that kind
constexpr std::size_t kFewWords = 24;      // distinct values of a column that is a choice

// What was seen at one place.
struct Seen {
  std::uint64_t values = 0;
  std::map<PersonalKind, std::uint64_t> whole;
  std::map<PersonalKind, std::uint64_t> within;
  std::set<std::string> distinct;  // hashes, up to a bound
  std::string sample;
  bool numbers_only = true;
};

class ColumnScan {
 public:
  ColumnScan(const Schema& schema, const Table& table, const Column& column)
      : schema_(schema), table_(table), column_(column), type_(schema.base_type(column.type)) {}

  void take(std::string_view text) { take_value(type_, text, ""); }

  std::uint64_t values() const { return values_; }
  const std::set<std::string>& distinct() { return seen_[""].distinct; }

  // The findings, and the column's rule as JSON; nothing for columns that need none.
  std::string judge(std::vector<Finding>& findings, const std::string& name, bool has_rule) {
    if (is_foreign_key() || (is_safe_type(schema_, column_.type) && !number_of_a_person()))
      return {};
    const Type& element = type_.kind == TypeKind::array ? schema_.base_type(type_.element) : type_;
    if (element.form == catalog::JsonForm::json || element.form == catalog::JsonForm::jsonb) {
      return nested("json", findings, name, has_rule);
    }
    if (element.kind == TypeKind::composite) {
      for (const catalog::CompositeField& field : element.fields) {
        if (!is_safe_type(schema_, field.type)) seen_[field.name];
      }
      return nested("fields", findings, name, has_rule);
    }
    const Finding finding = finding_of("", name, has_rule);
    findings.push_back(finding);
    return rule_json(finding.rule);
  }

 private:
  void take_value(const Type& type, std::string_view text, const std::string& place) {
    if (text.empty()) return;
    if (type.kind == TypeKind::array) {
      const Type& element = schema_.base_type(type.element);
      postgres::map_array(text, type.delimiter,
                          [&](const postgres::ContainerItem& item) -> postgres::ContainerItem {
                            if (item) take_value(element, *item, place);
                            return item;
                          });
    } else if (type.kind == TypeKind::composite) {
      const auto fields = postgres::parse_composite(text);
      for (std::size_t i = 0; i < fields.size() && i < type.fields.size(); ++i) {
        if (!fields[i] || is_safe_type(schema_, type.fields[i].type)) continue;
        take_value(schema_.base_type(type.fields[i].type), *fields[i], type.fields[i].name);
      }
    } else if (type.form == catalog::JsonForm::json || type.form == catalog::JsonForm::jsonb) {
      try {
        take_json(parse_json(text, ""), "$");
      } catch (const Error&) {
        note("$", text);  // json with a repeated key: text like any other
      }
    } else {
      note(place, text);
    }
  }

  void take_json(const JsonValue& value, const std::string& path) {
    switch (value.kind) {
      case JsonValue::Kind::array:
        for (const JsonValue& item : value.items) take_json(item, path + "[*]");
        return;
      case JsonValue::Kind::object:
        for (std::size_t i = 0; i < value.items.size(); ++i) {
          const std::string& key = value.keys[i];
          const bool plain = is_plain_member(key);
          if (!plain) note(path + ".*~", key);
          std::string below = path;
          below.append(".").append(plain ? key : "*");
          take_json(value.items[i], below);
        }
        return;
      case JsonValue::Kind::string:
        return note(path, value.text);
      case JsonValue::Kind::number:
        if (value.text.size() >= 7) note(path, value.text);
        return;
      default:
        return;
    }
  }

  void note(const std::string& place, std::string_view text) {
    Seen& seen = seen_[place];
    ++seen.values;
    ++values_;
    if (seen.distinct.size() < kDistinctKept) {
      const Digest digest = sha256(text);
      seen.distinct.insert(std::string(reinterpret_cast<const char*>(digest.data()), 8));
    }
    if (seen.sample.empty()) seen.sample = shape_of(text);
    seen.numbers_only =
        seen.numbers_only && text.find_first_not_of("0123456789.-+eE") == std::string_view::npos;
    for (const Detection& detection : detect_in_text(text)) {
      ++(detection.whole ? seen.whole : seen.within)[detection.kind];
    }
  }

  bool is_foreign_key() const {
    for (const catalog::ForeignKey* key : schema_.foreign_keys_of(table_.name)) {
      if (key->self_reference()) continue;
      if (std::find(key->columns.begin(), key->columns.end(), column_.name) != key->columns.end()) {
        return true;
      }
    }
    return false;
  }

  bool number_of_a_person() const {
    const std::string_view rule = rule_by_name(column_.name);
    return type_.category == 'N' &&
           (rule == "phone" || rule == "card" || rule == "national_id" || rule == "iban");
  }

  // The last name in a place: of a member, a field or the column itself.
  std::string_view name_at(const std::string& place) const {
    if (place.empty() || place == "$") return column_.name;
    std::string_view name = place;
    while (name.ends_with("[*]")) name.remove_suffix(3);
    if (name.starts_with('$')) name = name.substr(name.rfind('.') + 1);
    return name;
  }

  Finding finding_of(const std::string& place, const std::string& column, bool has_rule) {
    Finding finding = likely(place, column, has_rule);
    finding.rule = fitting_rule(table_, column_, finding.rule);
    return finding;
  }

  Finding likely(const std::string& place, const std::string& column, bool has_rule) {
    const Seen& seen = seen_[place];
    Finding finding{column, place, "text", {}, Confidence::low, {}, seen.sample, has_rule};
    const auto part = [&seen](std::uint64_t count) {
      return seen.values == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(seen.values);
    };
    const auto say = [&](std::uint64_t count) {
      finding.reasons.push_back(
          fmt::format("{:.0f} % of {} values", std::max(1.0, 100 * part(count)), seen.values));
    };
    const std::string_view by_name = rule_by_name(name_at(place));
    if (by_type(finding, place)) return finding;
    // By content: what most values are.
    for (const auto& [kind, count] : seen.whole) {
      if (part(count) < kMost || kind == PersonalKind::free_text) continue;
      finding.kind = name_of(kind);
      finding.rule = rule_for(kind);
      finding.confidence = Confidence::high;
      if (kind == PersonalKind::person_name && !by_name.empty()) finding.rule = by_name;
      say(count);
      return finding;
    }
    // "name" alone may be that of a subject or a product: then the values must look like people's.
    const auto person = seen.whole.find(PersonalKind::person_name);
    const bool unlikely = by_name == "person_name" && seen.values > 0 &&
                          name_at(place).find("full") == std::string_view::npos &&
                          (person == seen.whole.end() || part(person->second) < 0.02);
    if (!by_name.empty() && !unlikely) {
      finding.kind = by_name;
      finding.rule = by_name;
      finding.confidence = Confidence::medium;
      finding.reasons.emplace_back("name");
      return finding;
    }
    // What some values hold among other text.
    for (const auto* counts : {&seen.whole, &seen.within}) {
      for (const auto& [kind, count] : *counts) {
        if (kind == PersonalKind::free_text || kind == PersonalKind::date ||
            kind == PersonalKind::uuid || (part(count) < 0.01 && !is_certain(kind))) {
          continue;
        }
        finding.kind = fmt::format("text with {}", name_of(kind));
        finding.rule = "scrub";
        finding.confidence = is_certain(kind) ? Confidence::high : Confidence::medium;
        say(count);
        return finding;
      }
    }
    if (const auto prose = seen.whole.find(PersonalKind::free_text);
        prose != seen.whole.end() && part(prose->second) >= 0.1) {
      finding.kind = "free_text";
      finding.rule = "scrub";
      finding.confidence = Confidence::medium;
      say(prose->second);
      return finding;
    }
    if (is_choice(seen) || (place.starts_with('$') && seen.numbers_only)) {
      finding.kind = "choice";
      finding.rule = "keep";
      finding.reasons.push_back(
          fmt::format("{} distinct of {} values", seen.distinct.size(), seen.values));
      return finding;
    }
    finding.rule = "text";
    finding.reasons.emplace_back(seen.values == 0 ? "no value to go by" : "could hold anything");
    return finding;
  }

  // Types that say enough by themselves.
  bool by_type(Finding& finding, const std::string& place) const {
    if (!place.empty()) return false;
    const Type& type = type_.kind == TypeKind::array ? schema_.base_type(type_.element) : type_;
    const auto decide = [&finding](std::string_view kind, std::string_view rule, Confidence sure) {
      finding.kind = kind;
      finding.rule = rule;
      finding.confidence = sure;
      finding.reasons.emplace_back("type");
      return true;
    };
    if (type.name.name == "inet" || type.name.name == "cidr")
      return decide("ip", "ip", Confidence::high);
    if (type.name.name == "bytea") return decide("bytes", "bytes", Confidence::low);
    if (type.name.name == "date") {
      for (const char* part : {"birth", "born", "dob", "death", "died"}) {
        if (column_.name.find(part) == std::string::npos) continue;
        finding.reasons.emplace_back("name");
        return decide("date", R"({"generator": "date_shift", "days": 200})", Confidence::high);
      }
      return decide("date", "keep", Confidence::low);
    }
    if (type.category == 'S' || type.category == 'N') return false;
    if (type.name.name == "tsvector") {  // the words of another column
      return decide("words", column_.not_null ? R"({"generator": "fixed", "value": ""})" : "null",
                    Confidence::medium);
    }
    return decide(type.name.name, column_.not_null ? "keep" : "null", Confidence::low);
  }

  // Few values, each of them often: a status, a colour, a code of a country.
  static bool is_choice(const Seen& seen) {
    return seen.values >= 4 * seen.distinct.size() && seen.distinct.size() <= kFewWords &&
           seen.values >= 8;
  }

  static std::string rule_json(const std::string& rule) {
    return rule.starts_with('{') ? rule : "\"" + rule + "\"";
  }

  std::string nested(const char* form, std::vector<Finding>& findings, const std::string& name,
                     bool has_rule) {
    std::string members;
    std::vector<std::string> places;
    for (const auto& [place, seen] : seen_) places.push_back(place);
    for (const std::string& place : places) {
      const Finding finding = finding_of(place, name, has_rule);
      findings.push_back(finding);
      members += members.empty() ? "" : ", ";
      append_json_string(members, place);
      members += ": " + rule_json(finding.rule);
    }
    // What the sample did not show has a rule as well.
    const bool json = std::string_view(form) == "json";
    if (json && !seen_.contains("$")) {
      members += fmt::format("{}\"$..*\": \"text\"", members.empty() ? "" : ", ");
    }
    return fmt::format("{{\"{}\": {{{}}}}}", form, members);
  }

  const Schema& schema_;
  const Table& table_;
  const Column& column_;
  const Type& type_;
  std::map<std::string, Seen> seen_;
  std::uint64_t values_ = 0;
};

}  // namespace

std::string_view name_of(Confidence confidence) {
  switch (confidence) {
    case Confidence::low:
      return "low";
    case Confidence::medium:
      return "medium";
    case Confidence::high:
      return "high";
  }
  return "low";
}

namespace {

// Columns that hold what another one chooses from hold choices as well: the country of a
// customer and that of a supplier.
void share_choices(std::vector<Finding>& findings,
                   const std::map<std::string, std::set<std::string>>& distinct) {
  for (Finding& finding : findings) {
    if (finding.kind != "text" || !finding.place.empty()) continue;
    const std::set<std::string>& own = distinct.at(finding.column);
    for (const Finding& other : findings) {
      if (other.kind != "choice" || !other.place.empty() || own.empty()) continue;
      std::size_t common = 0;
      for (const std::string& value : distinct.at(other.column)) common += own.count(value);
      if (2 * common < own.size()) continue;
      finding.rule = "keep";
      finding.kind = "choices";
      finding.reasons = {"those of " + other.column};
      break;
    }
  }
}

}  // namespace

ScanReport scan(postgres::Connection& connection, const Schema& schema,
                const std::vector<const Table*>& tables, const RuleSet& rules, ScanExtent extent) {
  ScanReport report;
  std::map<std::string, std::set<std::string>> distinct;
  for (const Table* table : tables) {
    const auto columns = table->stored_columns();
    if (columns.empty()) continue;
    std::vector<ColumnScan> scans;
    std::string list;
    for (const Column* column : columns) {
      scans.emplace_back(schema, *table, *column);
      list += (list.empty() ? "" : ", ") + postgres::quote_identifier(column->name);
    }
    std::string part;
    if (extent == ScanExtent::sample) {
      // Of a large table, blocks from all over it.
      const bool large = table->estimated_rows > 2 * kSampleRows && !table->partitioned;
      if (large) {
        part = fmt::format(" TABLESAMPLE SYSTEM ({}) REPEATABLE (1)",
                           100 * kSampleRows / table->estimated_rows);
      }
      part += fmt::format(" LIMIT {}", kSampleRows);
    }
    postgres::CopyTextRow fields;
    connection.copy_out(
        fmt::format("COPY (SELECT {} FROM {}{}) TO STDOUT", list, table->from_sql(), part),
        [&](std::string_view block) {
          postgres::for_each_copy_row(block, [&](std::string_view row) {
            fields.parse(row);
            for (std::size_t i = 0; i < scans.size(); ++i) {
              if (fields[i]) scans[i].take(*fields[i]);
            }
          });
        });
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string name =
          table->name.display() + "." + postgres::display_identifier(columns[i]->name);
      const bool has_rule = rules.find(table->name, columns[i]->name) != nullptr;
      const std::string rule = scans[i].judge(report.findings, name, has_rule);
      report.values += scans[i].values();
      distinct[name] = scans[i].distinct();
      if (!rule.empty() && !has_rule) report.rules.emplace_back(name, rule);
    }
  }
  share_choices(report.findings, distinct);
  for (auto& [column, rule] : report.rules) {
    for (const Finding& finding : report.findings) {
      if (finding.column == column && finding.kind == "choices") rule = "\"keep\"";
    }
  }
  return report;
}

}  // namespace pgcycle::anonymize
