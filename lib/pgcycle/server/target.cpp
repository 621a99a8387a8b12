#include "pgcycle/server/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pgcycle/server/container.hpp"
#include "pgcycle/server/embedded_server.hpp"
#include "pgcycle/server/programs.hpp"

namespace pgcycle::server {

namespace {

// Without a host of any kind libpq would talk to whatever listens locally.
bool names_a_server(const postgres::ConnectionInfo& info, const Environment& environment) {
  static constexpr std::array kKeywords{"host", "hostaddr", "service", "port"};
  static constexpr std::array kVariables{"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGPORT"};
  return std::any_of(kKeywords.begin(), kKeywords.end(),
                     [&info](const char* keyword) { return !info.get(keyword).empty(); }) ||
         std::any_of(kVariables.begin(), kVariables.end(), [&environment](const char* name) {
           return !environment(name).value_or("").empty();
         });
}

bool is_bare_name(const std::string& url) {
  return url.find('=') == std::string::npos && url.find("://") == std::string::npos;
}

std::string default_database(const Config& config) {
  if (const auto name = config.text("database.name")) return *name;
  std::string name = config.directory().filename().string();
  return name.empty() ? "pgcycle" : name;
}

Target embedded_target(const TargetRequest& request, const std::string& database) {
  EmbeddedServerSettings settings;
  settings.project = request.config.directory();
  settings.server_program = request.server_program;
  settings.environment = request.environment;
  settings.idle_timeout_seconds = request.config.duration_seconds("database.idleTimeout");
  const ServerStatus status = start_embedded_server(settings, request.reporter);
  return {status.info.with_database(database), ServerKind::embedded, request.application_name};
}

Target docker_target(const TargetRequest& request, const std::string& database) {
  const ContainerServer server =
      start_container_server(request.config.directory(), request.environment, request.reporter);
  return {server.info.with_database(database), ServerKind::docker, request.application_name,
          server.id};
}

Target own_target(const TargetRequest& request, const std::string& database) {
  return managed_kind(request.config, request.environment) == ServerKind::docker
             ? docker_target(request, database)
             : embedded_target(request, database);
}

Target external_target(const TargetRequest& request, postgres::ConnectionInfo info) {
  const std::string service = request.environment("PGSERVICE").value_or("");
  if (info.get("service").empty() && !service.empty()) info = info.with("service", service);
  if (!info.get("service").empty()) {
    info = info.resolved();
  } else if (info.database().empty()) {
    info = info.with_database(default_database(request.config));
  }
  return {std::move(info), ServerKind::external, request.application_name};
}

// The embedded server's own URL may come back through -d: it stays managed.
bool is_own_server(const TargetRequest& request, const postgres::ConnectionInfo& info) {
  return info.get("host") == embedded_server_info(request.config.directory()).get("host");
}

}  // namespace

Target resolve_target(const TargetRequest& request) {
  const std::string server = request.config.text("database.server").value_or("auto");
  static constexpr std::array<std::string_view, 4> kKinds{"auto", "embedded", "external", "docker"};
  if (std::find(kKinds.begin(), kKinds.end(), server) == kKinds.end()) {
    throw Error(ErrorCode::config, fmt::format("database.server cannot be \"{}\"", server))
        .at(request.config.node("database.server")->place)
        .hint("use auto, embedded, docker or external");
  }
  const auto config_url = request.config.text("database.url");
  std::string database = default_database(request.config);
  if (request.db_url) {
    const auto given = postgres::ConnectionInfo::parse(*request.db_url);
    const bool libpq_decides = names_a_server(given, request.environment);
    if (!is_bare_name(*request.db_url) || libpq_decides) {
      if (is_own_server(request, given)) {
        Target target = embedded_target(request, given.database());  // starts it
        target.info = given;
        return target;
      }
      return external_target(request, given);
    }
    database = *request.db_url;
  }
  if (config_url && !config_url->empty() && server != "embedded" && server != "docker") {
    auto info = postgres::ConnectionInfo::parse(*config_url);
    if (request.db_url) info = info.with_database(database);
    return external_target(request, std::move(info));
  }
  if (server == "external") {
    throw Error(ErrorCode::config, "database.server is \"external\", but there is no URL")
        .hint("set database.url, PGCYCLE_DB_URL or --db-url");
  }
  return own_target(request, database);
}

Target resolve_on_own_server(const TargetRequest& request) {
  return own_target(request, default_database(request.config));
}

Target production_target(const Config& config, const std::string& application_name) {
  const auto url = config.text("production.url");
  if (!url || url->empty()) {
    throw Error(ErrorCode::config, "no production.url, which says where production is")
        .hint(R"(set "production": {"url": "${DATABASE_URL_PROD_CLI}"} in pgcycle.json)");
  }
  Target target;
  target.info = postgres::ConnectionInfo::parse(*url);
  target.application_name = application_name;
  return target;
}

ServerKind managed_kind(const Config& config, const Environment& environment) {
  const std::string server = config.text("database.server").value_or("auto");
  if (server == "docker") return ServerKind::docker;
  if (server != "auto" || find_server_programs(environment)) return ServerKind::embedded;
  return docker_is_available(environment) ? ServerKind::docker : ServerKind::embedded;
}

postgres::Connection open_target(const Target& target, Reporter& reporter) {
  return postgres::Connection::open(target.info, {target.application_name, &reporter, false});
}

postgres::Connection open_plain(const Target& target, Reporter& reporter) {
  return postgres::Connection::open(target.info, {target.application_name, &reporter, true});
}

postgres::Connection open_maintenance(const Target& target, Reporter& reporter) {
  const postgres::Connection::Options options{target.application_name, &reporter, false};
  if (target.database() != "postgres") {
    try {
      return postgres::Connection::open(target.info.with_database("postgres"), options);
    } catch (const Error& error) {
      reporter.verbose("no maintenance session with \"postgres\": {}", error.detail());
    }
  }
  return postgres::Connection::open(target.info.with_database("template1"), options);
}

}  // namespace pgcycle::server
