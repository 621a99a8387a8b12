#include "pgcycle/dump/reset.hpp"

#include <fmt/format.h>

#include "pgcycle/dump/restore.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::dump {

namespace {

// Reads what a person wants to know of the new database.
void count_contents(postgres::Connection& connection, ResetReport& report) {
  connection.execute("ANALYZE");
  const auto row = connection.query(
      "SELECT count(*) FILTER (WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition), "
      "COALESCE(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'");
  report.tables = static_cast<std::size_t>(row.integer(0, 0));
  report.rows = static_cast<std::uint64_t>(row.integer(0, 1));
}

}  // namespace

ResetReport reset(const ResetRequest& request) {
  ResetReport report;
  report.dump = inspect_dump(request.dump);
  auto maintenance = server::open_maintenance(request.target, request.reporter);
  const std::string target = request.target.database();
  if (target == maintenance.database() || target.starts_with("template")) {
    throw Error(ErrorCode::guard,
                fmt::format("refused to reset \"{}\": the server needs it", target))
        .hint("choose another name for the test database");
  }
  server::require_test_database(maintenance, request.target, request.config, request.reporter,
                                "replace the database");
  report.replaced = server::database_exists(maintenance, target);
  if (request.dry_run) return report;

  const server::AdvisoryLock turn(maintenance, "reset " + target, request.reporter);
  server::DatabaseSwap swap(maintenance, request.target, request.reporter);
  swap.create_new();
  restore({report.dump, swap.new_database(), maintenance.server_version() / 10000, request.jobs,
           request.environment, request.reporter});
  {
    auto connection = postgres::Connection::open(
        swap.new_database(), {request.target.application_name, &request.reporter, false});
    count_contents(connection, report);
  }
  server::mark_test_database(maintenance, swap.new_database().database());
  throw_if_interrupted();
  swap.rename_in();
  return report;
}

}  // namespace pgcycle::dump
