// Bringing a database to a version, and telling where it stands.
//
// Each SQL and rekey step is one transaction together with its journal row;
// scripts and files marked no-transaction are journaled so that a run that was
// cut off goes on where it stopped. One runner works on a database at a time.
//
// Errors: Error{guard}; Error{check} for drift of applied files, preflight,
// verify and final checks; Error{statement} with file, line and column of the
// statement; Error{step} for scripts.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/migrate/checks.hpp"
#include "pgcycle/migrate/journal.hpp"
#include "pgcycle/migrate/plan.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::migrate {

struct MigrateRequest {
  const server::Target& target;
  const Config& config;
  std::filesystem::path directory;
  std::string to;         // version to stop at; empty: the last
  bool sql_only = false;  // skip scripts
  bool dry_run = false;
  Environment environment;
  Reporter& reporter;
};

struct StepReport {
  std::string version;
  std::string step;
  StepKind kind = StepKind::sql;
  std::string state;  // "done", "pending", "interrupted", "skipped"
  double duration_ms = 0;
  std::string finished_at;
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
// Where the database stands; writes nothing.
MigrateReport status(const MigrateRequest& request);
// The checks of every applied version, against the database as it is.
MigrateReport verify(const MigrateRequest& request);

}  // namespace pgcycle::migrate
