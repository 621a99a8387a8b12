// PostgreSQL in a container: the `postgres` service of the project's compose file.
//
// Started with `docker compose` or `docker-compose`, whichever is there, and awaited until
// it is healthy. User and password are read from the container, its port from Docker.
//
// Errors: Error{config} when Docker or the compose file is missing; Error{step} with
// Docker's own words, or when the server does not become healthy.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

struct ContainerServer {
  std::string id;
  postgres::ConnectionInfo info;  // database "postgres"
};

// Tells whether a docker command is there and its engine answers.
bool docker_is_available(const Environment& environment);

// The running server of the project, or nothing.
std::optional<ContainerServer> find_container_server(const std::filesystem::path& project,
                                                     const Environment& environment);
// Starts it unless it runs; returns once it is healthy.
ContainerServer start_container_server(const std::filesystem::path& project,
                                       const Environment& environment, Reporter& reporter);
// Stops and removes the container, and with it the data; false when there was none.
bool stop_container_server(const std::filesystem::path& project, const Environment& environment);

}  // namespace pgcycle::server
