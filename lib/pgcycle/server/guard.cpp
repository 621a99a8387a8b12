#include "pgcycle/server/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pgcycle/server/database_properties.hpp"

namespace pgcycle::server {

namespace {

constexpr const char* kMark = "pgcycle.test_database";

std::string mark_of(postgres::Connection& maintenance, const std::string& database) {
  const auto rows = maintenance.query(
      "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) || '/' || oid "
      "FROM pg_catalog.pg_database WHERE datname = $1",
      {database});
  return rows.empty() ? std::string() : rows.get(0, 0);
}

std::optional<DatabaseIdentity> identity_by_name(postgres::Connection& connection,
                                                 const std::string& database, ServerKind kind) {
  const auto rows = connection.query(
      "SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()), oid, "
      "pg_catalog.pg_postmaster_start_time() FROM pg_catalog.pg_database WHERE datname = $1",
      {database});
  if (rows.empty()) return std::nullopt;
  return DatabaseIdentity{rows.get(0, 0), static_cast<std::uint32_t>(rows.integer(0, 1)),
                          kind == ServerKind::embedded ? rows.get(0, 2) : std::string()};
}

std::string host_of(const postgres::ConnectionInfo& info) {
  const std::string host = info.get("host");
  return host.empty() ? info.get("hostaddr") : host;
}

std::string describe(const Target& target) {
  const std::string host = host_of(target.info);
  return fmt::format("database \"{}\" on {}", target.database(),
                     host.empty() ? "the default server" : host);
}

bool is_allowed(const Target& target, const Config& config) {
  const std::string host = host_of(target.info);
  const std::string port = target.info.get("port");
  const std::vector<std::string> names{
      fmt::format("{}/{}", host, target.database()),
      fmt::format("{}:{}/{}", host, port.empty() ? "5432" : port, target.database())};
  const std::vector<std::string> allowed = config.strings("guard.allow");
  return std::any_of(names.begin(), names.end(), [&allowed](const std::string& name) {
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  });
}

[[noreturn]] void refuse_production(const Target& target, std::string_view action) {
  throw Error(ErrorCode::guard, fmt::format("refused to {}: it is production", action))
      .detail(fmt::format("{} is the database that production.url names", describe(target)))
      .hint("give the URL of a test database; no option passes this guard");
}

void refuse_if_production(postgres::Connection& maintenance, const Target& target,
                          const Config& config, Reporter& reporter, std::string_view action) {
  const auto url = config.text_if_set("production.url");
  if (!url) return;
  const auto production = postgres::ConnectionInfo::parse(*url);
  const bool same_words = host_of(production) == host_of(target.info) &&
                          production.get("port") == target.info.get("port") &&
                          production.database() == target.database();
  if (same_words) refuse_production(target, action);
  try {
    auto connection = postgres::Connection::open(production.get("connect_timeout").empty()
                                                     ? production.with("connect_timeout", "5")
                                                     : production,
                                                 {target.application_name, nullptr, false});
    const postgres::Transaction read_only(connection, postgres::Transaction::Mode::snapshot);
    const auto own = identity_by_name(maintenance, target.database(), target.kind);
    if (own && *own == identity_of(connection, target.kind)) refuse_production(target, action);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::connect) throw;
    reporter.verbose("production cannot be reached to compare identities: {}", error.detail());
  }
}

}  // namespace

DatabaseIdentity identity_of(postgres::Connection& connection, ServerKind kind) {
  return identity_by_name(connection, connection.database(), kind).value();
}

bool database_exists(postgres::Connection& maintenance, const std::string& database) {
  return !maintenance.query("SELECT FROM pg_catalog.pg_database WHERE datname = $1", {database})
              .empty();
}

void mark_test_database(postgres::Connection& maintenance, const std::string& database) {
  set_database_setting(maintenance, database, kMark, mark_of(maintenance, database));
}

bool is_marked_test_database(postgres::Connection& maintenance, const std::string& database) {
  const std::string mark = database_setting(maintenance, database, kMark);
  return !mark.empty() && mark == mark_of(maintenance, database);
}

void require_test_database(postgres::Connection& maintenance, const Target& target,
                           const Config& config, Reporter& reporter, std::string_view action) {
  refuse_if_production(maintenance, target, config, reporter, action);
  if (target.kind != ServerKind::external || is_allowed(target, config) ||
      is_marked_test_database(maintenance, target.database()) ||
      !database_exists(maintenance, target.database())) {
    return;
  }
  const std::string host = host_of(target.info);
  throw Error(ErrorCode::guard,
              fmt::format("refused to {}: not proven to be a test database", action))
      .detail(describe(target) + " has no mark of pgcycle")
      .hint(fmt::format("if it really is one, add \"{}/{}\" to guard.allow in pgcycle.json", host,
                        target.database()));
}

}  // namespace pgcycle::server
