// How psql, pg_dump and pg_restore are run: those of this host where they are new enough,
// else those in the container of the server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::server {

// pg_dump refuses a server that is newer than itself; psql and pg_restore do not, though
// those of the server's own version know it best.
enum class VersionNeed { required, preferred };

class ClientProgram {
 public:
  // `container` is the id of the server's container; empty: only this host's programs.
  // Throws Error{config} when none is new enough, or there is none at all.
  ClientProgram(std::string_view name, int server_major, VersionNeed need,
                const std::string& container, const Environment& environment);

  // Files of this host cannot be named to a program in a container.
  bool in_container() const { return !container_.empty(); }

  // Runs with `arguments`, connected to `database`; no secret is an argument. The program
  // ends when this one does.
  ProcessSpec command(const postgres::ConnectionInfo& database,
                      const std::vector<std::string>& arguments,
                      const std::map<std::string, std::string>& variables) const;

  // Copies a directory of this host to where the program can read it; the path there.
  // It goes with the container's /tmp, or by `remove_copy`.
  std::string copy_directory(const std::string& path) const;
  void remove_copy(const std::string& path) const;

 private:
  std::string program_;
  std::string docker_;
  std::string container_;
};

}  // namespace pgcycle::server
