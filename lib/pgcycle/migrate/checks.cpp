#include "pgcycle/migrate/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "pgcycle/migrate/sql_run.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

using postgres::SqlComment;
using postgres::SqlStatement;

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

// Reads a condition's words from left to right.
class ConditionReader {
 public:
  ConditionReader(std::string_view text, const SqlComment& comment)
      : rest_(trim(text)), comment_(comment) {}

  Condition read() {
    Condition condition;
    if (take("rows")) {
      condition.subject = Condition::Subject::rows;
    } else if (rest_.starts_with('p') && rest_.size() > 1 && rest_[1] >= '0' && rest_[1] <= '9') {
      rest_.remove_prefix(1);
      condition.subject = Condition::Subject::latency;
      condition.percentile = static_cast<int>(number());
    } else if (take("max")) {
      condition.subject = Condition::Subject::latency;
      condition.percentile = 100;
    }
    condition.comparison = comparison();
    condition.number = number();
    if (condition.comparison == "~") {
      if (!take("+-")) fail("\"~\" needs a tolerance");
      condition.tolerance = number();
    }
    if (condition.subject == Condition::Subject::latency) {
      read_latency(condition);
    }
    if (!rest_.empty()) fail(fmt::format("cannot read \"{}\"", rest_));
    return condition;
  }

 private:
  void read_latency(Condition& condition) {
    if (condition.percentile < 1 || condition.percentile > 100) fail("a percentile is 1 to 100");
    if (take("ms")) {
    } else if (take("s")) {
      condition.number *= 1000;
    } else {
      fail("a latency needs its unit, ms or s");
    }
    if (!take("over")) fail("a latency needs \"over N runs\"");
    condition.runs = static_cast<int>(number());
    if (!take("runs") || condition.runs < 1) fail("a latency needs \"over N runs\"");
  }

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_ = trim(rest_.substr(word.size()));
    return true;
  }

  std::string comparison() {
    for (const char* symbol : {"!=", "<=", ">=", "=", "<", ">", "~"}) {
      if (take(symbol)) return symbol;
    }
    fail("expected a comparison");
  }

  double number() {
    double value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc()) fail("expected a number");
    rest_ = trim(rest_.substr(static_cast<std::size_t>(end - rest_.data())));
    return value;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::input, fmt::format("malformed check: {}", what))
        .at(comment_.place)
        .detail("--" + comment_.text)
        .hint(
            "checks look like: -- check NAME: = 0   or: > 0, ~ 22 +- 5   or: rows = 5   or: "
            "p95 < 500 ms over 20 runs");
  }

  std::string_view rest_;
  const SqlComment& comment_;
};

bool is_check(const SqlComment& comment) {
  const std::string_view text = trim(comment.text);
  return text.starts_with("check ") && text.find(':') != std::string_view::npos;
}

Check read_check(const SqlComment& comment) {
  const std::string_view text = trim(comment.text).substr(6);
  const std::size_t colon = text.find(':');
  Check check;
  check.name = trim(text.substr(0, colon));
  std::string_view conditions = trim(text.substr(colon + 1));
  check.expected = conditions;
  while (!conditions.empty()) {
    const std::size_t comma = std::min(conditions.find(','), conditions.size());
    check.conditions.push_back(ConditionReader(conditions.substr(0, comma), comment).read());
    conditions = comma < conditions.size() ? conditions.substr(comma + 1) : std::string_view();
  }
  if (check.name.empty() || check.conditions.empty()) ConditionReader("", comment).read();
  return check;
}

bool holds(const Condition& condition, double value) {
  if (condition.comparison == "=") return value == condition.number;
  if (condition.comparison == "!=") return value != condition.number;
  if (condition.comparison == "<") return value < condition.number;
  if (condition.comparison == "<=") return value <= condition.number;
  if (condition.comparison == ">") return value > condition.number;
  if (condition.comparison == ">=") return value >= condition.number;
  return std::abs(value - condition.number) <= condition.tolerance;
}

double latency_ms(postgres::Connection& connection, const Check& check,
                  const Condition& condition) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int run = 0; run < condition.runs; ++run) {
    const auto start = Clock::now();
    connection.query(check.query.text);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  // Nearest rank: the smallest value that at least this part does not exceed.
  const double rank = std::ceil(condition.percentile / 100.0 * static_cast<double>(times.size()));
  return times[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
}

double single_value(const postgres::Result& rows, const Check& check) {
  if (rows.size() != 1 || rows.columns() != 1) {
    throw Error(ErrorCode::input, fmt::format("check {} must give one value, not {} rows of {} "
                                              "columns",
                                              check.name, rows.size(), rows.columns()))
        .at(check.query.place)
        .hint("select one value, or compare \"rows\"");
  }
  const std::string_view text = rows.text(0, 0);
  if (text == "t") return 1;
  if (text == "f") return 0;
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ptr !=
          text.data() + text.size() ||
      text.empty()) {
    throw Error(ErrorCode::input, fmt::format("check {} must give a number", check.name))
        .at(check.query.place);
  }
  return value;
}

std::string shown(double value) { return fmt::format("{:.15g}", value); }

CheckResult run_check(postgres::Connection& connection, const Check& check) {
  CheckResult result{check.name, check.expected, {}, true, check.place, 0};
  const auto start = std::chrono::steady_clock::now();
  try {
    const postgres::Result rows = connection.query(check.query.text);
    for (const Condition& condition : check.conditions) {
      double value = 0;
      std::string text;
      switch (condition.subject) {
        case Condition::Subject::rows:
          value = static_cast<double>(rows.size());
          text = fmt::format("{} rows", rows.size());
          break;
        case Condition::Subject::value:
          value = single_value(rows, check);
          text = shown(value);
          break;
        case Condition::Subject::latency:
          value = latency_ms(connection, check, condition);
          text = fmt::format("p{} {:.1f} ms", condition.percentile, value);
          break;
      }
      if (result.got.find(text) == std::string::npos) {
        result.got += (result.got.empty() ? "" : ", ") + text;
      }
      result.passed = result.passed && holds(condition, value);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    throw with_place(error, check.query, connection.last_error()).hint("correct the check's query");
  }
  result.duration_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace

std::vector<Check> parse_checks(std::string_view text, const std::string& file) {
  const postgres::SqlFile source = postgres::split_sql(text, file);
  std::vector<Check> checks;
  for (const SqlStatement& statement : source.statements) {
    std::vector<const SqlComment*> found;
    for (const SqlComment& comment : statement.comments) {
      if (is_check(comment)) found.push_back(&comment);
    }
    if (found.empty()) {
      throw Error(ErrorCode::input, "a query without a check above it")
          .at(statement.place)
          .hint("write a comment above it: -- check NAME: = 0");
    }
    for (const SqlComment* comment : found) {
      Check check = read_check(*comment);
      check.query = statement;
      check.place = comment->place;
      checks.push_back(std::move(check));
    }
  }
  for (const SqlComment& comment : source.trailing_comments) {
    if (!is_check(comment)) continue;
    throw Error(ErrorCode::input, "a check without a query below it").at(comment.place);
  }
  return checks;
}

std::vector<Check> read_checks(const std::filesystem::path& file) {
  return parse_checks(read_file(file), file.string());
}

std::vector<CheckResult> run_checks(postgres::Connection& connection,
                                    const std::vector<Check>& checks) {
  std::vector<CheckResult> results;
  if (connection.in_transaction()) {
    for (const Check& check : checks) {
      connection.execute("SAVEPOINT pgcycle_check");
      results.push_back(run_check(connection, check));
      connection.execute("ROLLBACK TO SAVEPOINT pgcycle_check");
    }
    return results;
  }
  postgres::Transaction transaction(connection);
  for (const Check& check : checks) results.push_back(run_check(connection, check));
  transaction.rollback();
  return results;
}

void require_passed(const std::vector<CheckResult>& results, std::string_view what) {
  ErrorList errors;
  for (const CheckResult& result : results) {
    if (result.passed) continue;
    errors.add(Error(ErrorCode::check, fmt::format("check {} failed {}", result.name, what))
                   .at(result.place)
                   .detail(fmt::format("expected {}, got {}", result.expected, result.got)));
  }
  errors.raise_if_any();
}

}  // namespace pgcycle::migrate
