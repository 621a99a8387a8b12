#include "pgcycle/dump/live_database.hpp"

#include <fmt/format.h>

#include "pgcycle/dump/fetch.hpp"
#include "pgcycle/dump/requirements.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::dump {

namespace {

server::DatabaseContents dump_and_restore(const ResetRequest& request,
                                          postgres::Connection& maintenance,
                                          server::DatabaseSwap& swap) {
  const UnnamedFile file(spool_directory(request.environment));
  const auto source = request.target.info.with_database(request.template_database);
  fetch_dump({source,
              file.path(),
              {},
              {},
              request.target.application_name,
              request.target.container,
              request.environment,
              request.reporter});
  const DumpFile dump = inspect_dump(file.path(), "the dump of " + request.template_database);
  const server::NewDatabase fresh(maintenance, swap.new_database());
  const RestoreRequest whole{dump,
                             fresh.info(),
                             fresh.server_major(),
                             request.target.container,
                             request.jobs,
                             OwnersAndGrants::restored,
                             request.environment,
                             request.reporter};
  fresh.create(requirements_of(whole).locale());
  restore(whole);
  return analyze(swap.new_database(), request.jobs, request.target.application_name,
                 request.reporter);
}

}  // namespace

server::DatabaseContents copy_live_database(const ResetRequest& request,
                                            postgres::Connection& maintenance,
                                            server::DatabaseSwap& swap) {
  if (!server::database_exists(maintenance, request.template_database)) {
    throw Error(ErrorCode::usage,
                fmt::format("no database \"{}\" on this server", request.template_database))
        .hint("--template takes the name of a database on the target's server");
  }
  // The server would wait five seconds for the sessions to go.
  const auto sessions = maintenance.query(
      "SELECT count(*) FROM pg_stat_activity "
      "WHERE datname = $1 AND backend_type = 'client backend'",
      {request.template_database});
  if (sessions.integer(0, 0) > 0) {
    request.reporter.notice("\"{}\" has {} sessions, so it is dumped and restored",
                            request.template_database, sessions.integer(0, 0));
    return dump_and_restore(request, maintenance, swap);
  }
  try {
    server::copy_database(maintenance, request.template_database, swap.new_name());
  } catch (const Error& error) {
    // In use, or not this role's to copy file by file.
    if (error.sqlstate() != "55006" && error.sqlstate() != "42501") throw;
    request.reporter.notice("\"{}\" cannot be copied as it is ({}), so it is dumped and restored",
                            request.template_database, error.message());
    return dump_and_restore(request, maintenance, swap);
  }
  auto connection = postgres::Connection::open(
      swap.new_database(), {request.target.application_name, &request.reporter, false});
  return count_contents(connection);
}

}  // namespace pgcycle::dump
