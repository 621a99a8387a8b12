// Where PostgreSQL's own programs are: initdb and postgres of a server, psql,
// pg_dump and pg_restore of a client.
//
// Looks on the PATH that the caller hands in and where the distributions'
// packages put them (/usr/lib/postgresql/N/bin, /usr/pgsql-N/bin).
// Errors: Error{config} that names what to install.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/config/config.hpp"

namespace pgcycle::server {

// A directory of PostgreSQL programs and its major version.
struct ProgramDirectory {
  std::string path;
  int major = 0;
};

// Every directory that holds `program`, newest major version first.
std::vector<ProgramDirectory> find_program_directories(std::string_view program,
                                                       const Environment& environment);

// The newest directory that can run a server (initdb and postgres).
std::optional<ProgramDirectory> find_server_programs(const Environment& environment);

// The path of a client program of at least `minimum_major`, the oldest that is
// new enough: it knows the server best.
std::string find_client_program(std::string_view program, int minimum_major,
                                const Environment& environment);

}  // namespace pgcycle::server
