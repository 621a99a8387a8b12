// Running one step of a migration, forwards or back. Internal to this folder.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pgcycle/migrate/lock_patience.hpp"
#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/migrate/sql_run.hpp"
#include "pgcycle/postgres/statement_traits.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::migrate {

class StepRunner {
 public:
  StepRunner(postgres::Connection& connection, Journal& journal, const MigrateRequest& request,
             LockPatience& patience)
      : connection_(connection), journal_(journal), request_(request), patience_(patience) {}

  // Runs the step and journals it, and its version where this completes it.
  void run(const Version& version, const Step& step, const StepRecord* earlier,
           bool completes_version);
  // Runs the only steps of these versions, each a transaction of its own, in one message. Before
  // each attempt, `first_to_run` says which of them is the first that is not done.
  void run_in_a_row(const std::vector<const Version*>& versions,
                    const std::function<std::size_t()>& first_to_run);
  // Runs these steps, the version's checks and their journal rows as one transaction.
  void run_together(const Version& version, const std::vector<const Step*>& steps);
  // Runs the step's way back.
  void take_back(const Version& version, const Step& step, const StepRecord& record);
  // Results of the checks that the last call ran.
  const std::vector<CheckResult>& checks() const { return checks_; }

 private:
  // What is noted of a file that runs statement by statement.
  struct Notes {
    std::function<postgres::Statement(std::size_t done, const std::string& hash)> done;
    std::size_t start = 0;
    std::optional<std::size_t> running;
    std::string before;
    std::string hash_of_done;  // of the statements in front of `start`
    std::string hash;          // of those that were read
  };

  bool ran_as_text(std::span<const Version* const> versions);
  std::optional<std::string> text_of(std::span<const Version* const> versions) const;
  std::string end_of_text() const;
  void in_transaction(bool keeps_session, const std::function<void(SqlRun& run)>& work);
  void add_step(SqlRun& run, const Version& version, const Step& step, bool completes_version);
  void with_patience(const std::function<void(SqlRun& run)>& work);
  void add_begin(SqlRun& run);
  std::vector<std::string> opening() const;
  void add_own_role(SqlRun& run);
  void add_session_reset(SqlRun& run);
  void note(const postgres::Statement& statement);
  void run_statements(const Version& version, const Step& step, const std::string& sql,
                      const std::filesystem::path& file, Notes notes);
  void run_one(const Version& version, const Step& step, const postgres::SqlStatement& statement,
               std::size_t number, Notes& notes);
  void run_outside_transaction(const Version& version, const Step& step,
                               const postgres::SqlStatement& statement,
                               const postgres::StatementTraits& traits, std::size_t number,
                               Notes& notes);
  void run_script(const Version& version, const Step& step, bool completes_version);
  void run_backfill(const Version& version, const Step& step, const StepRecord* earlier,
                    bool completes_version);
  void finish(const Version& version, const Step& step, bool completes_version,
              const std::string& output = {});
  void verify(const Step& step);
  void execute(const postgres::SqlStatement& statement);

  postgres::Connection& connection_;
  Journal& journal_;
  const MigrateRequest& request_;
  LockPatience& patience_;
  std::vector<CheckResult> checks_;
  // Of prepared statements: a pooler's session may keep those of a run that failed.
  const std::string suffix_ = to_hex(random_bytes(4));
  const std::string begin_name_ = "pgcycle_begin_" + suffix_;
  const std::string done_name_ = "pgcycle_done_" + suffix_;
};

}  // namespace pgcycle::migrate
