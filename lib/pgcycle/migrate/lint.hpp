// Dangers in migrations, found by PostgreSQL's own parser (libpg_query) and, where there was a
// rehearsal of the same file, by what it measured.
//
// A finding is silenced by "-- pgcycle: allow RULE reason="…" until=YYYY-MM-DD" above its
// statement, or at the head of the file for all of it; one without reason or date, or past its
// date, is a finding itself.
//
// Errors: Error{unsupported} where pgcycle was built without libpg_query.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pgcycle/migrate/plan.hpp"

namespace pgcycle::migrate {

struct LintFinding {
  std::string rule;
  std::string message;
  std::string instead;
  Location place;
  bool is_error = true;
};

struct LintRequest {
  std::filesystem::path directory;
  std::string since;                 // only versions behind this one; empty: all
  std::string today;                 // "2026-11-22", against which allowances are held
  std::filesystem::path rehearsals;  // notes of clean rehearsals
};

std::vector<LintFinding> lint(const LintRequest& request);

// False where pgcycle was built without libpg_query.
bool lint_is_available();

// The pages of all rules, in Markdown.
std::string lint_rules_page();

// What the last clean rehearsal of a step saw: the lines of statements that wrote a table again.
struct RehearsedStep {
  std::set<int> rewriting_lines;
};
// By the step's checksum.
std::map<std::string, RehearsedStep> rehearsed_steps(const std::filesystem::path& notes);

}  // namespace pgcycle::migrate
