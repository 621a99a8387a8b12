// Migrating the database that production.url names: the one thing here that may change it.
//
// In this order: the plan is shown; there must be a clean rehearsal of exactly these files; the
// database's name is asked for; a backup is taken and proven; only then the first statement runs.
//
// Errors: Error{guard} where one of these is missing; Error{config} without production.url.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "pgcycle/migrate/backup.hpp"
#include "pgcycle/migrate/runner.hpp"

namespace pgcycle::migrate {

// Throws unless `typed`, or what `ask` returns where nothing was given, is the database's name.
void require_name(
    const server::Target& target, const std::string& action,
    const std::optional<std::string>& typed,
    const std::function<std::optional<std::string>(const std::string& question)>& ask);

struct ProductionRequest {
  const MigrateRequest& migration;  // its target is production
  std::filesystem::path rehearsals;
  std::string unrehearsed;  // the database's name: run without a rehearsal
  std::optional<std::string> confirmed;
  std::function<std::optional<std::string>(const std::string& question)> ask;
  std::function<void(const std::vector<Version>& pending)> show_plan;
  BackupRequest backup;
};

struct ProductionReport {
  MigrateReport migration;
  std::optional<BackupReport> backup;
};

ProductionReport migrate_production(const ProductionRequest& request);

}  // namespace pgcycle::migrate
