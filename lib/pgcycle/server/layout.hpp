// Where an embedded server keeps its things, and as which user it runs.
//
// A project's `.pgcycle/` holds locks, state and log. The cluster lies beside
// them, or, where the server's user could not reach it there (a project under
// /root), in a directory of its own under /var/tmp. Sockets live in the cluster,
// or in /tmp where the path would be too long for a socket.
#pragma once

#include <filesystem>
#include <optional>

#include "pgcycle/support/process.hpp"

namespace pgcycle::server {

struct Layout {
  std::filesystem::path project;
  std::filesystem::path state_directory;  // PROJECT/.pgcycle
  std::filesystem::path cluster;          // of the server's user, mode 0700
  std::filesystem::path socket_directory;
  std::optional<UserIds> run_as;  // set when the caller is root

  std::filesystem::path data() const { return cluster / "data"; }
  std::filesystem::path log() const { return state_directory / "server.log"; }
  std::filesystem::path state_file() const { return state_directory / "server.json"; }
  std::filesystem::path start_lock() const { return state_directory / "start.lock"; }
  std::filesystem::path supervisor_lock() const { return state_directory / "supervisor.lock"; }
};

// Works out the layout; makes nothing.
Layout layout_for(const std::filesystem::path& project);

// Makes the directories with their owner and mode. Throws Error{guard} when a
// directory in a shared place belongs to somebody else.
void make_directories(const Layout& layout);

}  // namespace pgcycle::server
