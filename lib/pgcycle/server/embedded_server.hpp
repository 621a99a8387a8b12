// A private PostgreSQL server of one project: started on demand, reached
// through a unix socket, never left behind.
//
// A detached supervisor holds a lock for its whole life and has the postmaster
// as its child. The kernel stops the postmaster when the supervisor dies, by
// whatever signal; the supervisor stops it on request, when its owner dies,
// when the project's directory vanishes, and after an idle time. Whether a
// server runs is told by the lock alone, never by a stale file.
//
// Thread rule: calls of any number of processes and threads may race.
// Errors: Error{config} when no server programs are installed, Error{step} with
// the log's tail when the server does not come up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/server/layout.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

struct EmbeddedServerSettings {
  std::filesystem::path project;
  std::string server_program;          // path of pgcycle-server, which supervises
  Environment environment;             // PATH, HOME, XDG_CACHE_HOME
  double idle_timeout_seconds = 1800;  // 0: never
  pid_t owner = 0;                     // the server goes when this process does; 0: none
};

struct ServerStatus {
  bool running = false;
  pid_t supervisor = 0;
  pid_t postmaster = 0;
  std::string version;
  std::string started_at;
  double idle_timeout_seconds = 0;
  pid_t owner = 0;
  std::filesystem::path data_directory;
  postgres::ConnectionInfo info;  // database "postgres"
  std::uint64_t sessions = 0;
};

// Starts the project's server unless it runs; returns once it answers.
ServerStatus start_embedded_server(const EmbeddedServerSettings& settings, Reporter& reporter);

// Ends it in an orderly way and waits; false when none was running.
bool stop_embedded_server(const std::filesystem::path& project, bool immediate);

ServerStatus embedded_server_status(const std::filesystem::path& project);

// Where the project's server is or would be, without starting it.
postgres::ConnectionInfo embedded_server_info(const std::filesystem::path& project);

// The supervisor's whole life; called by `pgcycle-server supervise` alone.
// Writes "ready" to standard output once the server answers. Returns the exit
// status of the process.
int supervise(const std::filesystem::path& project, const std::string& programs_directory,
              double idle_timeout_seconds, pid_t owner);

}  // namespace pgcycle::server
