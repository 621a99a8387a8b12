#include "pgcycle/anonymize/column_mask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>

#include "pgcycle/postgres/container_text.hpp"

namespace pgcycle::anonymize {

namespace {

using catalog::Oid;
using catalog::Schema;
using catalog::Type;
using catalog::TypeKind;
using postgres::ContainerItem;

// Built-in types whose values say nothing of a person by themselves.
constexpr std::array<std::string_view, 16> kSafeTypes{
    "bool",      "int2",        "int4", "int8",   "oid",      "float4", "float8", "numeric",
    "timestamp", "timestamptz", "time", "timetz", "interval", "uuid",   "money",  "pg_lsn"};

}  // namespace

ColumnMask make_mask(const GeneratorSpec& spec, const PseudonymKey& key,
                     const ValueLimits& limits) {
  const bool copies = find_generator(spec.name)->output == Output::copied;
  const bool keeps = spec.name == "keep";
  return [generator = make_generator(spec, key, limits), copies, keeps](
             std::string_view text, const MaskRow& row, std::string& out) {
    if (text.empty()) return true;
    const std::size_t start = out.size();
    const bool made = generator.append(out, text, row);
    if (row.observer != nullptr) {
      if (!keeps) row.observer->replaced(text);
      if (copies && made) row.observer->kept(std::string_view(out).substr(start));
    }
    return made;
  };
}

namespace {

// Walks a json tree and masks its strings, and numbers that a rule names.
class JsonMasker {
 public:
  JsonMasker(const std::vector<JsonPathRule>& rules, const PseudonymKey& key, std::string column,
             bool unique)
      : rules_(rules), column_(std::move(column)) {
    used_ = std::make_unique<std::atomic<bool>[]>(rules_.size());
    for (const JsonPathRule& rule : rules_) {
      leaves_.emplace(rule.text,
                      make_mask(rule.generator, key, {.max_length = {}, .unique = unique}));
    }
  }

  // The paths that no value met so far, where there were values at all.
  std::vector<const JsonPathRule*> idle_paths() const {
    std::vector<const JsonPathRule*> out;
    for (std::size_t i = 0; i < rules_.size() && any_; ++i) {
      if (!used_[i]) out.push_back(&rules_[i]);
    }
    return out;
  }

  void begin_value() const { any_ = true; }

  void mask(JsonValue& value, std::vector<std::string>& path, const MaskRow& row) const {
    const bool is_text_or_number =
        value.is(JsonValue::Kind::string) || value.is(JsonValue::Kind::number);
    if (!is_text_or_number && value.items.empty()) {
      if (const JsonPathRule* rule = match_path(rules_, path)) note_use(*rule);
      return;
    }
    switch (value.kind) {
      case JsonValue::Kind::array:
        path.emplace_back("[]");
        for (JsonValue& item : value.items) mask(item, path, row);
        path.pop_back();
        return;
      case JsonValue::Kind::object:
        mask_object(value, path, row);
        return;
      case JsonValue::Kind::string:
      case JsonValue::Kind::number:
        mask_scalar(value, path, row);
        return;
      default:
        return;
    }
  }

 private:
  void mask_object(JsonValue& object, std::vector<std::string>& path, const MaskRow& row) const {
    bool renamed = false;
    for (std::size_t i = 0; i < object.items.size(); ++i) {
      path.push_back(object.keys[i]);
      mask(object.items[i], path, row);
      const JsonPathRule* rule = match_name(rules_, path);
      if (rule != nullptr) {
        note_use(*rule);
        object.keys[i] = leaves_.at(rule->text)(object.keys[i], row).value_or("");
        renamed = true;
      } else if (!is_plain_member(object.keys[i]) && !is_named(rules_, object.keys[i])) {
        refuse_name(path);
      } else if (row.observer != nullptr) {
        row.observer->kept(object.keys[i]);
      }
      path.pop_back();
    }
    if (renamed) sort_members(object);
  }

  // The order of jsonb: shorter names first. Two members of one name are refused.
  void sort_members(JsonValue& object) const {
    std::vector<std::size_t> order(object.keys.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&object](std::size_t a, std::size_t b) {
      const std::string& left = object.keys[a];
      const std::string& right = object.keys[b];
      return left.size() != right.size() ? left.size() < right.size() : left < right;
    });
    JsonValue sorted = object;
    for (std::size_t i = 0; i < order.size(); ++i) {
      sorted.keys[i] = object.keys[order[i]];
      sorted.items[i] = object.items[order[i]];
      if (i > 0 && sorted.keys[i] == sorted.keys[i - 1]) {
        throw Error(ErrorCode::check,
                    fmt::format("{}: two json members would get one name", column_))
            .hint("use a generator that stays unique, such as \"hash\" or \"email\"");
      }
    }
    object = std::move(sorted);
  }

  // Says nothing of the name itself.
  [[noreturn]] void refuse_name(std::vector<std::string> path) const {
    path.back() = "*";
    throw Error(ErrorCode::check,
                fmt::format("{} has a json member at {} whose name could be personal data", column_,
                            describe(path)))
        .hint(fmt::format("add \"{}~\" with a generator for such names to the \"json\" rule of {}, "
                          "or name the member in a path",
                          describe(path), column_));
  }

  void mask_scalar(JsonValue& value, const std::vector<std::string>& path,
                   const MaskRow& row) const {
    const JsonPathRule* rule = match_path(rules_, path);
    if (rule == nullptr) {
      if (value.is(JsonValue::Kind::number) && row.observer != nullptr) {
        row.observer->kept(value.text);
      }
      if (value.is(JsonValue::Kind::number) || value.text.empty()) return;
      throw Error(ErrorCode::check,
                  fmt::format("{} holds text at the json path {} that no rule covers", column_,
                              describe(path)))
          .hint(fmt::format("add \"{}\" to the \"json\" rule of {}", describe(path), column_));
    }
    note_use(*rule);
    if (value.text.empty()) return;
    const auto masked = leaves_.at(rule->text)(value.text, row);
    if (!masked) {
      value = JsonValue{};
    } else if (value.is(JsonValue::Kind::number) && is_number(*masked)) {
      value.text = *masked;
    } else {
      value.kind = JsonValue::Kind::string;
      value.text = *masked;
    }
  }

  void note_use(const JsonPathRule& rule) const {
    std::atomic<bool>& used = used_[static_cast<std::size_t>(&rule - rules_.data())];
    if (!used.load(std::memory_order_relaxed)) used = true;
  }

  static bool is_number(std::string_view text) {
    try {
      return parse_json(text, "").is(JsonValue::Kind::number);
    } catch (const Error&) {
      return false;  // such as a digit string with a leading zero
    }
  }

  static std::string describe(const std::vector<std::string>& path) {
    std::string out = "$";
    for (const std::string& step : path) {
      out += step == "[]" ? "[*]" : "." + (is_plain_member(step) ? step : "*");
    }
    return out;
  }

  const std::vector<JsonPathRule> rules_;
  std::string column_;
  std::map<std::string, ColumnMask> leaves_;
  std::unique_ptr<std::atomic<bool>[]> used_;
  mutable std::atomic<bool> any_{false};
};

}  // namespace

bool is_plain_member(std::string_view name) {
  constexpr std::size_t kLongest = 48;
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  std::size_t digits = 0;
  for (const char c : name) {
    if (c >= '0' && c <= '9') {
      ++digits;
    } else if (!letter(c) && c != '-') {
      return false;
    }
  }
  return !name.empty() && name.size() <= kLongest && letter(name.front()) && digits <= 4;
}

bool is_safe_type(const Schema& schema, Oid oid) {
  const Type& type = schema.base_type(oid);
  switch (type.kind) {
    case TypeKind::enumeration:
      return true;
    case TypeKind::array:
    case TypeKind::range:
      return is_safe_type(schema, type.element);
    case TypeKind::multirange: {
      // Its range has the same name in the singular; the subtype decides.
      for (const auto& [range_oid, range] : schema.types) {
        if (range.kind == TypeKind::range && range.name.schema == type.name.schema &&
            type.name.name ==
                range.name.name.substr(0, range.name.name.rfind("range")) + "multirange") {
          return is_safe_type(schema, range.element);
        }
      }
      return false;
    }
    case TypeKind::base:
      return type.name.schema == "pg_catalog" &&
             std::find(kSafeTypes.begin(), kSafeTypes.end(), type.name.name) != kSafeTypes.end();
    default:
      return false;
  }
}

ColumnMask make_value_mask(const Schema& schema, Oid oid, const GeneratorSpec& spec,
                           const PseudonymKey& key, const ValueLimits& limits) {
  const Type& type = schema.base_type(oid);
  if (type.kind == TypeKind::array && spec.name != "null" && spec.name != "fixed") {
    const ColumnMask element = make_value_mask(schema, type.element, spec, key, limits);
    const char delimiter = type.delimiter;
    return [element, delimiter](std::string_view text,
                                const MaskRow& row) -> std::optional<std::string> {
      return postgres::map_array(text, delimiter, [&element, &row](const ContainerItem& item) {
        return item ? element(*item, row) : std::nullopt;
      });
    };
  }
  const ColumnMask leaf = make_mask(spec, key, limits);
  const bool json = type.form == catalog::JsonForm::json || type.form == catalog::JsonForm::jsonb;
  if (!json) return leaf;
  return [leaf](std::string_view text, const MaskRow& row) -> std::optional<std::string> {
    auto value = leaf(text, row);
    if (!value) return value;
    std::string quoted;  // a pseudonym of a whole json value stands as a json string
    append_json_string(quoted, *value);
    return quoted;
  };
}

JsonMask make_json_mask(const std::vector<JsonPathRule>& paths, const PseudonymKey& key,
                        const std::string& column, bool unique) {
  const auto masker = std::make_shared<const JsonMasker>(paths, key, column, unique);
  const auto idle_paths = [masker] { return masker->idle_paths(); };
  const ColumnMask mask = [masker, column](std::string_view text,
                                           const MaskRow& row) -> std::optional<std::string> {
    JsonValue value;
    try {
      value = parse_json(text, "");
    } catch (const Error&) {
      throw Error(ErrorCode::check, fmt::format("{} holds json that repeats a key", column))
          .hint("such text cannot be masked by paths; use \"null\" or \"fixed\" for the column");
    }
    std::vector<std::string> path;
    masker->begin_value();
    masker->mask(value, path, row);
    return value.to_json();
  };
  return {mask, idle_paths};
}

ColumnMask make_fields_mask(const Schema& schema, const Type& type, const Rule& rule,
                            const PseudonymKey& key, bool unique) {
  std::vector<ColumnMask> masks;
  std::vector<std::string> names;
  for (const catalog::CompositeField& field : type.fields) {
    names.push_back(field.name);
    const auto found = rule.fields.find(field.name);
    if (found != rule.fields.end()) {
      masks.push_back(make_value_mask(schema, field.type, found->second, key,
                                      {.max_length = {}, .unique = unique}));
    } else if (is_safe_type(schema, field.type)) {
      masks.emplace_back();  // only its digits could say something
    } else {
      throw Error(ErrorCode::config,
                  fmt::format("the rule does not cover the field \"{}\"", field.name))
          .at(rule.place)
          .hint("give it a generator, or \"keep\" if it is not personal");
    }
  }
  for (const auto& [name, generator] : rule.fields) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(ErrorCode::config, fmt::format("{} has no field \"{}\"", type.name.display(), name))
        .at(generator.place)
        .hint(did_you_mean(name, names, fmt::format("its fields: {}", fmt::join(names, ", "))));
  }
  return [masks](std::string_view text, const MaskRow& row) -> std::optional<std::string> {
    std::vector<ContainerItem> fields = postgres::parse_composite(text);
    for (std::size_t i = 0; i < fields.size() && i < masks.size(); ++i) {
      if (!fields[i]) continue;
      if (masks[i]) {
        fields[i] = masks[i](*fields[i], row);
      } else if (row.observer != nullptr) {
        row.observer->kept(*fields[i]);
      }
    }
    return postgres::format_composite(fields);
  };
}

}  // namespace pgcycle::anonymize
