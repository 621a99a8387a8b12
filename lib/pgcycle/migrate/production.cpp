#include "pgcycle/migrate/production.hpp"

#include <fmt/format.h>

#include "pgcycle/migrate/rehearsal.hpp"

namespace pgcycle::migrate {

void require_name(
    const server::Target& target, const std::string& action,
    const std::optional<std::string>& typed,
    const std::function<std::optional<std::string>(const std::string& question)>& ask) {
  const std::string name = target.database();
  const std::optional<std::string> answer =
      typed ? typed : ask(fmt::format("Type the name of the database to {}: ", action));
  if (answer == name) return;
  throw Error(ErrorCode::guard, fmt::format("refused to {}: {}", action,
                                            answer ? fmt::format("\"{}\" is not its name", *answer)
                                                   : "its name was not given"))
      .hint("type the database's name when asked, or give it in --confirm NAME");
}

ProductionReport migrate_production(const ProductionRequest& request) {
  const server::Target& target = request.migration.target;
  ProductionReport report;
  const std::vector<Version> pending = pending_versions(request.migration);
  if (pending.empty()) {
    report.migration = status(request.migration);
    return report;
  }
  request.show_plan(pending);
  const std::string plan = plan_hash(pending);
  if (!was_rehearsed(request.rehearsals, plan) && request.unrehearsed != target.database()) {
    throw Error(ErrorCode::guard, "refused to migrate production: not rehearsed with these files")
        .detail(fmt::format("no clean rehearsal of plan {} is known here", plan.substr(0, 12)))
        .hint(
            fmt::format("run pgcycle-migrate rehearse --from-dump DUMP first; or say --unrehearsed "
                        "{}",
                        target.database()));
  }
  require_name(target, "migrate production", request.confirmed, request.ask);
  report.backup = back_up(request.backup);
  request.migration.reporter.notice("backed up and proven: {}", report.backup->directory.string());
  MigrateRequest migration = request.migration;
  migration.plan = plan;
  report.migration = up(migration);
  return report;
}

}  // namespace pgcycle::migrate
