#include "pgcycle/dump/reset.hpp"

#include <fmt/format.h>

#include "pgcycle/dump/dump_key.hpp"
#include "pgcycle/dump/restore.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::dump {

namespace {

// Reads what a person wants to know of the new database.
void count_contents(postgres::Connection& connection, ResetReport& report) {
  const auto row = connection.query(
      "SELECT count(*) FILTER (WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition), "
      "COALESCE(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'");
  report.tables = static_cast<std::size_t>(row.integer(0, 0));
  report.rows = static_cast<std::uint64_t>(row.integer(0, 1));
}

postgres::Connection open_new(const ResetRequest& request, const postgres::ConnectionInfo& info) {
  return postgres::Connection::open(info,
                                    {request.target.application_name, &request.reporter, false});
}

}  // namespace

std::string cache_key_of(const ResetRequest& request, postgres::Connection& maintenance) {
  // Only a project that has a state directory gets a file in it.
  const std::filesystem::path state = request.config.directory() / ".pgcycle";
  const bool remember = std::filesystem::is_directory(state) && !request.dump.is_spooled();
  const std::filesystem::path memory = remember ? state / "dump-hashes" : std::filesystem::path();
  return cache_key(content_hash(request.dump, memory), maintenance.server_version());
}

server::CacheLimits cache_limits(const Config& config) {
  return {config.bytes("cache.maxBytes"), config.count("cache.maxCount")};
}

ResetReport reset(const ResetRequest& request) {
  ResetReport report;
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
  const auto build = [&](const postgres::ConnectionInfo& database) {
    const UnpackedDump unpacked(request.dump, request.environment, request.reporter);
    restore({unpacked.dump(), database, maintenance.server_version() / 10000, request.jobs,
             request.environment, request.reporter});
    open_new(request, database).execute("ANALYZE");
  };
  const std::string key = request.use_cache ? cache_key_of(request, maintenance) : std::string();
  server::TemplateCache cache(maintenance, request.target, request.reporter);
  cache.drop_abandoned();
  if (request.use_cache) {
    report.from_cache = cache.clone(key, swap.new_name(), build);
  } else {
    swap.create_new();
    build(swap.new_database());
  }
  {
    auto connection = open_new(request, swap.new_database());
    count_contents(connection, report);
  }
  server::mark_test_database(maintenance, swap.new_name());
  throw_if_interrupted();
  swap.rename_in();
  if (request.use_cache) report.pruned = cache.prune(cache_limits(request.config), key);
  return report;
}

}  // namespace pgcycle::dump
