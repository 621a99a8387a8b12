// Comments that let a danger pass: "-- pgcycle: allow RULE reason="…" until=YYYY-MM-DD" above a
// statement, or above the first one for the whole file. Internal to this folder.
//
// One that is not well formed, has ended, or is not needed is a finding itself.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/migrate/lint.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"

namespace pgcycle::migrate {

class LintAllowances {
 public:
  // `today` is "2026-11-22"; both must outlive this.
  LintAllowances(const std::string& today, std::vector<LintFinding>& findings)
      : today_(today), findings_(findings) {}

  void begin_statement(const std::vector<postgres::SqlComment>& comments);
  // Whether the rule may be broken here, which uses the allowance.
  bool allow(const std::string& rule);
  void end_statement();
  void end_file();

 private:
  struct Allowance {
    std::string rule;
    Location place;
    bool used = false;
  };

  void read(const postgres::SqlComment& comment);
  void complain(const Location& place, std::string message);
  void report_unused(std::vector<Allowance>& allowances);

  const std::string& today_;
  std::vector<LintFinding>& findings_;
  bool at_head_ = true;
  std::vector<Allowance> of_statement_;
  std::vector<Allowance> of_file_;
};

}  // namespace pgcycle::migrate
