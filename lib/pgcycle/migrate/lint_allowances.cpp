#include "pgcycle/migrate/lint_allowances.hpp"

#include <fmt/format.h>

#include "pgcycle/migrate/lint_rules.hpp"
#include "pgcycle/migrate/step_file.hpp"

namespace pgcycle::migrate {

namespace {

constexpr std::string_view kAllow = "allow ";
constexpr std::size_t kDateLength = 10;  // 2026-11-22

std::string value_of(std::string_view words, std::string_view key) {
  const std::size_t at = words.find(key);
  if (at == std::string_view::npos) return {};
  std::string_view value = words.substr(at + key.size());
  if (!value.starts_with('"')) return std::string(value.substr(0, value.find(' ')));
  value.remove_prefix(1);
  return std::string(value.substr(0, value.find('"')));
}

}  // namespace

void LintAllowances::begin_statement(const std::vector<postgres::SqlComment>& comments) {
  for (const postgres::SqlComment& comment : comments) read(comment);
  at_head_ = false;
}

bool LintAllowances::allow(const std::string& rule) {
  for (auto* list : {&of_statement_, &of_file_}) {
    for (Allowance& allowance : *list) {
      if (allowance.rule != rule) continue;
      allowance.used = true;
      return true;
    }
  }
  return false;
}

void LintAllowances::end_statement() { report_unused(of_statement_); }

void LintAllowances::end_file() { report_unused(of_file_); }

void LintAllowances::read(const postgres::SqlComment& comment) {
  const std::string_view words = directive_in(comment.text);
  if (!words.starts_with(kAllow)) return;
  const std::string_view behind = words.substr(kAllow.size());
  const std::string rule(behind.substr(0, behind.find(' ')));
  const std::string reason = value_of(words, "reason=");
  const std::string until = value_of(words, "until=");
  if (find_lint_rule(rule) == nullptr) {
    complain(comment.place, fmt::format("there is no rule {}", rule));
  } else if (reason.empty()) {
    complain(comment.place, fmt::format("leave for {} without a reason", rule));
  } else if (until.size() != kDateLength) {
    complain(comment.place, fmt::format("leave for {} without a date at which it ends", rule));
  } else if (until < today_) {
    complain(comment.place, fmt::format("leave for {} ended on {}", rule, until));
  } else {
    (at_head_ ? of_file_ : of_statement_).push_back({rule, comment.place, false});
  }
}

void LintAllowances::complain(const Location& place, std::string message) {
  findings_.push_back({"allowance", std::move(message),
                       "write -- pgcycle: allow RULE reason=\"…\" until=YYYY-MM-DD", place, true});
}

void LintAllowances::report_unused(std::vector<Allowance>& allowances) {
  for (const Allowance& allowance : allowances) {
    if (allowance.used) continue;
    findings_.push_back({"allowance",
                         fmt::format("nothing here needs leave for {}", allowance.rule),
                         "take the comment away", allowance.place, false});
  }
  allowances.clear();
}

}  // namespace pgcycle::migrate
