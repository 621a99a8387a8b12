// Checks: a comment that says what must hold, above a query (docs/migrations.md).
//
//   -- check orphaned_logs: = 0
//   -- check meeting_links: > 0, ~ 22 +- 5
//   -- check new_tables: rows = 5
//   -- check attempt_latency: p95 < 500 ms over 20 runs
//
// Queries run in a transaction that is always rolled back.
// Errors: Error{input} for a malformed check, with its place; Error{statement}
// for a query that fails. A check that does not hold is a result, not an error.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"

namespace pgcycle::migrate {

// One condition of a check.
struct Condition {
  enum class Subject { value, rows, latency };
  Subject subject = Subject::value;
  std::string comparison;  // "=", "!=", "<", "<=", ">", ">=", "~"
  double number = 0;       // latency: milliseconds
  double tolerance = 0;    // of "~"
  int percentile = 0;      // latency: 1 to 100
  int runs = 0;            // latency
};

struct Check {
  std::string name;
  std::string expected;  // as written
  Location place;        // of the comment
  std::vector<Condition> conditions;
  postgres::SqlStatement query;
};

struct CheckResult {
  std::string name;
  std::string expected;
  std::string got;
  bool passed = false;
  Location place;
  double duration_ms = 0;
};

std::vector<Check> parse_checks(std::string_view text, const std::string& file);
std::vector<Check> read_checks(const std::filesystem::path& file);

// Runs the checks in a transaction of their own, rolled back at the end; or,
// inside an open transaction, behind a savepoint that is rolled back.
std::vector<CheckResult> run_checks(postgres::Connection& connection,
                                    const std::vector<Check>& checks);

// Throws Error{check} that lists every check that failed; does nothing when all
// passed.
void require_passed(const std::vector<CheckResult>& results, std::string_view what);

}  // namespace pgcycle::migrate
