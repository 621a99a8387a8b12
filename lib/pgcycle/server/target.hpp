// Which database a program works on.
//
// Precedence: --db-url or PGCYCLE_DB_URL, then `database.url` of pgcycle.json,
// then `database.name` on the project's own server, embedded or in a container, which is
// started on demand. A bare name given with -d means that database on the same server that
// would have been used without it.
//
// Errors: Error{connect} when the server cannot be reached.
#pragma once

#include <optional>
#include <string>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

enum class ServerKind { embedded, docker, external };

struct TargetRequest {
  const Config& config;
  std::optional<std::string> db_url;  // from the flag or PGCYCLE_DB_URL
  Environment environment;
  std::string server_program;  // path of pgcycle-server
  std::string application_name;
  Reporter& reporter;
};

struct Target {
  postgres::ConnectionInfo info;
  ServerKind kind = ServerKind::external;
  std::string application_name;
  std::string container = {};  // its id, of kind docker

  std::string database() const { return info.database(); }
};

// Finds the target, starting the embedded server when it is the one.
Target resolve_target(const TargetRequest& request);

// The same database on the project's own server, whatever URLs say; starts the server.
Target resolve_on_own_server(const TargetRequest& request);

// The database of production.url. Throws Error{config} where there is none.
Target production_target(const Config& config, const std::string& application_name);

// The kind of the project's own server: what database.server says, else embedded where
// server programs are installed, else docker where that is.
ServerKind managed_kind(const Config& config, const Environment& environment);

// A session with the target's database.
postgres::Connection open_target(const Target& target, Reporter& reporter);
// The same as users' own SQL expects it, with the server's and the role's settings.
postgres::Connection open_plain(const Target& target, Reporter& reporter);

// A session with a database of the same server that is never the target:
// "postgres", or "template1" where that is missing.
postgres::Connection open_maintenance(const Target& target, Reporter& reporter);

}  // namespace pgcycle::server
