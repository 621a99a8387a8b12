// The rules of `lint`: what each finds, why that hurts, and what to write instead. Internal to
// this folder; docs/lint-rules.md is made from it.
#pragma once

#include <string_view>
#include <vector>

namespace pgcycle::migrate {

struct LintRule {
  std::string_view name;
  bool is_error;  // false: a warning, which fails only under --strict
  std::string_view why;
  std::string_view instead;
  std::string_view bad;   // SQL that the rule finds
  std::string_view good;  // SQL that no rule of this name finds
};

const std::vector<LintRule>& lint_rules();

// The rule of this name, or nullptr.
const LintRule* find_lint_rule(std::string_view name);

}  // namespace pgcycle::migrate
