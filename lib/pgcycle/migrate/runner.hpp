// Bringing a database to a version and back, and telling where it stands.
//
// Each SQL and rekey step is one transaction together with its journal row; scripts,
// backfills and files with statements that no transaction can hold are journaled so that a run
// that was cut off goes on where it stopped. One runner works on a database at a time.
//
// Errors: Error{guard}; Error{check} for drift of applied files, preflight,
// verify and final checks; Error{statement} with file, line and column of the
// statement; Error{step} for scripts.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/migrate/checks.hpp"
#include "pgcycle/migrate/journal.hpp"
#include "pgcycle/migrate/plan.hpp"
#include "pgcycle/migrate/sql_run.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::migrate {

// Hears where a run is, for measuring.
class RunObserver : public StatementObserver {
 public:
  // `connection` is the one that the step runs on. Several steps may begin, one behind the other,
  // in one transaction.
  virtual void begin_step(const Version& version, const Step& step,
                          postgres::Connection& connection) = 0;
  // What had begun is committed.
  virtual void end_steps() = 0;
};

struct MigrateRequest {
  const server::Target& target;
  const Config& config;
  std::filesystem::path directory;
  std::string to;         // version to stop at; empty: the last
  bool sql_only = false;  // skip scripts
  bool dry_run = false;
  Environment environment;
  Reporter& reporter;
  std::optional<std::size_t> steps = {};           // down: how many steps; else the last version
  bool out_of_order = false;                       // apply versions that came in late
  std::vector<std::string> accepted_changes = {};  // applied steps whose files may have changed
  std::filesystem::path checks_file = {};          // verify: these checks only
  std::string plan = {};  // plan_hash() of all that may be applied; empty: whatever is pending
  bool guarded = true;    // false: the caller has proven that the target may be changed
  RunObserver* observer = nullptr;
  bool standard_conforming_strings = true;  // as the database has it; set by the run
};

struct StepReport {
  std::string version;
  std::string step;
  StepKind kind = StepKind::sql;
  std::string state;  // "done", "pending", "changed", "interrupted", "skipped", "half taken back"
  double duration_ms = 0;
  std::string finished_at;
  bool alone = false;     // runs statement by statement
  bool way_back = false;  // can be taken back
};

struct VersionReport {
  std::string version;
  std::string description;
  bool applied = false;
  std::string applied_at;
  std::vector<StepReport> steps;
};

struct MigrateReport {
  std::vector<VersionReport> versions;
  std::vector<CheckResult> checks;  // those that ran, preflight first
  std::size_t steps_run = 0;
};

// Applies what is pending. Under dry_run only tells what would be done.
MigrateReport up(const MigrateRequest& request);
// The same of these versions, whatever else the directory holds.
MigrateReport apply_versions(const MigrateRequest& request, std::vector<Version> versions);
// Takes back the last version, or down to `to`, which stays, or so many `steps`.
MigrateReport down(const MigrateRequest& request);
// Where the database stands; writes nothing.
MigrateReport status(const MigrateRequest& request);
// The checks of every applied version, against the database as it is.
MigrateReport verify(const MigrateRequest& request);

// The versions that are not applied, as files; the rest of a version that was begun too.
std::vector<Version> pending_versions(const MigrateRequest& request);

}  // namespace pgcycle::migrate
