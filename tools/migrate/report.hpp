// What pgcycle-migrate prints, as text and as JSON.
#pragma once

#include <string>

#include "pgcycle/migrate/backup.hpp"
#include "pgcycle/migrate/rehearsal.hpp"
#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/migrate/schema_diff.hpp"
#include "tools/common/program.hpp"

namespace pgcycle::tools {

std::string steps_text(const migrate::MigrateReport& report);
std::string checks_text(const std::vector<migrate::CheckResult>& checks);
std::size_t passed(const std::vector<migrate::CheckResult>& checks);
Json to_json(const migrate::MigrateReport& report);

std::string diff_text(const migrate::DiffReport& report);
Json to_json(const migrate::DiffReport& report);
Json to_json(const std::vector<catalog::ObjectChange>& changes);

std::string rehearsal_text(const migrate::RehearsalReport& report, bool verbose);
Json to_json(const migrate::RehearsalReport& report);

std::string backup_text(const migrate::BackupReport& report);
Json to_json(const migrate::BackupReport& report);

}  // namespace pgcycle::tools
