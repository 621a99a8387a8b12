#include "pgcycle/anonymize/rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/support/hash.hpp"

namespace pgcycle::anonymize {

namespace {

constexpr std::string_view kElement = "[]";

// `locale` is the configured one, or nullptr.
GeneratorSpec read_generator(const JsonValue& value, const JsonValue* locale) {
  GeneratorSpec spec;
  spec.place = value.place;
  if (value.is(JsonValue::Kind::string)) {
    spec.name = value.text;
  } else if (value.is(JsonValue::Kind::object)) {
    for (std::size_t i = 0; i < value.keys.size(); ++i) {
      if (value.keys[i] == "generator") {
        spec.name = value.items[i].text;
      } else {
        spec.options.emplace(value.keys[i], value.items[i]);
      }
    }
  }
  if (spec.name.empty()) {
    throw Error(ErrorCode::config, "a rule must name a generator")
        .at(value.place)
        .hint("write \"email\" or {\"generator\": \"fixed\", \"value\": \"x\"}");
  }
  if (find_generator(spec.name) == nullptr) {
    make_generator(spec, PseudonymKey::from_hex(std::string(64, '0')), {});  // throws, with a hint
  }
  if (locale != nullptr && takes_option(spec.name, "locale")) {
    spec.options.emplace("locale", *locale);
  }
  return spec;
}

[[noreturn]] void malformed_path(const std::string& text, const Location& place) {
  throw Error(ErrorCode::config, fmt::format("cannot read the json path \"{}\"", text))
      .at(place)
      .hint("paths look like $.contact.phone, $.children[*].name, $..email or $.*");
}

std::vector<PathStep> parse_path(const std::string& text, const Location& place) {
  std::vector<PathStep> steps;
  if (!text.starts_with('$')) malformed_path(text, place);
  std::size_t i = 1;
  const auto read_key = [&] {
    const std::size_t end = std::min(text.find_first_of(".[", i), text.size());
    std::string key = text.substr(i, end - i);
    i = end;
    if (key.empty()) malformed_path(text, place);
    steps.push_back(key == "*" ? PathStep{PathStep::Kind::any_key, {}}
                               : PathStep{PathStep::Kind::key, key});
  };
  while (i < text.size()) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (rest.starts_with("..")) {
      steps.push_back({PathStep::Kind::descend, {}});
      i += 2;
      read_key();
    } else if (rest.starts_with(".")) {
      ++i;
      read_key();
    } else if (rest.starts_with("[*]")) {
      steps.push_back({PathStep::Kind::any_element, {}});
      i += 3;
    } else if (rest.starts_with("[\"")) {
      const std::size_t end = text.find("\"]", i + 2);
      if (end == std::string::npos) malformed_path(text, place);
      steps.push_back({PathStep::Kind::key, text.substr(i + 2, end - i - 2)});
      i = end + 2;
    } else {
      malformed_path(text, place);
    }
  }
  return steps;
}

bool is_path_step(const PathStep& step, const std::string& name) {
  switch (step.kind) {
    case PathStep::Kind::key:
      return name == step.key;
    case PathStep::Kind::any_key:
      return true;  // `.*` and `..*` take elements as well, as in SQL/JSON's lax mode
    case PathStep::Kind::any_element:
      return name == kElement;
    case PathStep::Kind::descend:
      return false;
  }
  return false;
}

// How much of `path` the steps cover from `at` on; nothing when they do not
// match. Covering a prefix is a match: rules hold for what lies below.
std::optional<std::size_t> covered(const std::vector<PathStep>& steps, std::size_t step,
                                   const std::vector<std::string>& path, std::size_t at) {
  if (step == steps.size()) return at;
  if (steps[step].kind == PathStep::Kind::descend) {
    for (std::size_t skip = path.size(); skip-- > at;) {  // the deepest place wins
      if (const auto end = covered(steps, step + 1, path, skip)) return end;
    }
    return std::nullopt;
  }
  if (at == path.size() || !is_path_step(steps[step], path[at])) return std::nullopt;
  return covered(steps, step + 1, path, at + 1);
}

// Lexicographic rank: how deep the rule reaches, then how literal it is.
int rank_of(const JsonPathRule& rule, std::size_t depth) {
  int literal = 0;
  for (const PathStep& step : rule.steps) {
    if (step.kind == PathStep::Kind::key) literal += 3;
    if (step.kind == PathStep::Kind::any_element) literal += 2;
    if (step.kind == PathStep::Kind::descend) literal -= 1;
  }
  return static_cast<int>(depth) * 1000 + literal;
}

Rule read_rule(const std::string& pattern, const Location& key_place, const JsonValue& value,
               const JsonValue* locale) {
  Rule rule;
  rule.pattern = pattern;
  rule.place = key_place;
  rule.value = value.to_json();
  try {
    rule.name = postgres::split_name(pattern);
  } catch (const Error&) {
    rule.name.clear();
  }
  if (rule.name.size() != 3) {
    throw Error(ErrorCode::config, fmt::format("\"{}\" is not schema.table.column", pattern))
        .at(key_place)
        .hint("use * for any column or table; quote mixed-case names as in SQL");
  }
  const JsonValue* paths = value.find("json");
  const JsonValue* fields = value.find("fields");
  const JsonValue* nested = paths != nullptr ? paths : fields;
  if (nested == nullptr) {
    rule.generator = read_generator(value, locale);
    return rule;
  }
  if (value.keys.size() != 1 || !nested->is(JsonValue::Kind::object)) {
    throw Error(ErrorCode::config,
                fmt::format("\"{}\" must be the only member and an object", value.keys.front()))
        .at(value.place);
  }
  for (std::size_t i = 0; i < nested->keys.size(); ++i) {
    GeneratorSpec generator = read_generator(nested->items[i], locale);
    if (fields != nullptr) {
      rule.fields.emplace(nested->keys[i], std::move(generator));
    } else {
      const std::string& path = nested->keys[i];
      const bool names = path.ends_with('~');
      rule.paths.push_back(
          {path, parse_path(path.substr(0, path.size() - (names ? 1 : 0)), nested->key_places[i]),
           names, std::move(generator)});
    }
  }
  return rule;
}

}  // namespace

RuleSet RuleSet::from_config(const Config& config) {
  RuleSet set;
  const JsonValue* rules = config.node("anonymize.rules");
  std::optional<JsonValue> locale;
  if (const JsonValue* node = config.node("anonymize.locale")) {
    locale = *node;
    locale->text = *config.text("anonymize.locale");
  }
  if (rules == nullptr) return set;
  ErrorList errors;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < rules->keys.size(); ++i) {
    try {
      set.rules_.push_back(read_rule(rules->keys[i], rules->key_places[i], rules->items[i],
                                     locale ? &*locale : nullptr));
    } catch (const Error& error) {
      errors.add(error);
    }
    lines.push_back(rules->keys[i] + "=" + rules->items[i].to_json() + "\n");
  }
  errors.raise_if_any();
  if (locale) lines.push_back("locale=" + locale->text + "\n");
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) set.canonical_ += line;
  return set;
}

const Rule* RuleSet::find(const postgres::QualifiedName& table, std::string_view column) const {
  const Rule* best = nullptr;
  int best_rank = -1;
  for (const Rule& rule : rules_) {
    const auto fits = [](const std::string& part, std::string_view name) {
      return part == "*" || part == name;
    };
    if (!fits(rule.name[0], table.schema) || !fits(rule.name[1], table.name) ||
        !fits(rule.name[2], column)) {
      continue;
    }
    const int rank = (rule.name[2] != "*" ? 4 : 0) + (rule.name[1] != "*" ? 2 : 0) +
                     (rule.name[0] != "*" ? 1 : 0);
    if (rank > best_rank) {
      best_rank = rank;
      best = &rule;
    }
  }
  return best;
}

std::string RuleSet::hash() const { return to_hex(sha256(canonical_)); }

const JsonPathRule* match_path(const std::vector<JsonPathRule>& rules,
                               const std::vector<std::string>& path) {
  const JsonPathRule* best = nullptr;
  int best_rank = -1;
  for (const JsonPathRule& rule : rules) {
    if (rule.names) continue;
    const auto depth = covered(rule.steps, 0, path, 0);
    if (!depth) continue;
    const int rank = rank_of(rule, *depth) + 1;
    if (rank > best_rank) {
      best_rank = rank;
      best = &rule;
    }
  }
  return best;
}

const JsonPathRule* match_name(const std::vector<JsonPathRule>& rules,
                               const std::vector<std::string>& path) {
  const JsonPathRule* best = nullptr;
  int best_rank = -1;
  for (const JsonPathRule& rule : rules) {
    if (!rule.names || covered(rule.steps, 0, path, 0) != path.size()) continue;
    const int rank = rank_of(rule, 1) + 1;
    if (rank > best_rank) {
      best_rank = rank;
      best = &rule;
    }
  }
  return best;
}

bool is_named(const std::vector<JsonPathRule>& rules, std::string_view member) {
  return std::any_of(rules.begin(), rules.end(), [member](const JsonPathRule& rule) {
    return std::any_of(rule.steps.begin(), rule.steps.end(), [member](const PathStep& step) {
      return step.kind == PathStep::Kind::key && step.key == member;
    });
  });
}

}  // namespace pgcycle::anonymize
