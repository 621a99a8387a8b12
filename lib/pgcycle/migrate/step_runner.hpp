// Running one step of a migration. Internal to this folder.
#pragma once

#include <chrono>

#include "pgcycle/migrate/runner.hpp"

namespace pgcycle::migrate {

class StepRunner {
 public:
  StepRunner(postgres::Connection& connection, Journal& journal, const MigrateRequest& request)
      : connection_(connection), journal_(journal), request_(request) {}

  // Runs the step and journals it; returns its duration in milliseconds.
  double run(const Version& version, const Step& step, const StepRecord* earlier);
  // Results of the step's verify file, if it had one.
  const std::vector<CheckResult>& checks() const { return checks_; }

 private:
  void run_in_transaction(const Version& version, const Step& step);
  void run_without_transaction(const Version& version, const Step& step, std::size_t done);
  void run_script(const Version& version, const Step& step);
  void run_statement(const postgres::SqlStatement& statement);
  bool prepare_concurrent_index(const postgres::SqlStatement& statement);
  void verify(const Step& step);
  double elapsed_ms() const;

  postgres::Connection& connection_;
  Journal& journal_;
  const MigrateRequest& request_;
  std::chrono::steady_clock::time_point start_;
  std::vector<CheckResult> checks_;
};

}  // namespace pgcycle::migrate
