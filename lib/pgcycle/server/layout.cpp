#include "pgcycle/server/layout.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::server {

namespace fs = std::filesystem;

namespace {

// sizeof(sockaddr_un.sun_path) is 108, with the NUL; "/.s.PGSQL.5432.lock" is 19.
constexpr std::size_t kLongestSocketDirectory = 108 - 1 - 19;

std::optional<UserIds> server_user() {
  if (geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const auto ids = find_user(name)) return ids;
  }
  throw Error(ErrorCode::internal, "no unprivileged user to run the server as")
      .hint("PostgreSQL refuses to run as root; make a user named postgres");
}

bool can_traverse(const fs::path& directory, const UserIds& user) {
  for (fs::path part = directory;; part = part.parent_path()) {
    struct stat status {};
    if (stat(part.c_str(), &status) == 0) {
      const bool open = (status.st_mode & S_IXOTH) != 0 ||
                        (status.st_uid == user.uid && (status.st_mode & S_IXUSR) != 0) ||
                        (status.st_gid == user.gid && (status.st_mode & S_IXGRP) != 0);
      if (!open) return false;
    }
    if (part == part.root_path()) return true;
  }
}

void make_private_directory(const fs::path& path, const std::optional<UserIds>& owner) {
  const uid_t uid = owner ? owner->uid : geteuid();
  struct stat status {};
  if ((mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) || lstat(path.c_str(), &status) != 0) {
    throw Error(ErrorCode::internal,
                fmt::format("cannot make {}: {}", path.string(), std::strerror(errno)));
  }
  // Made by this run, or by another that has not come further yet.
  if (owner && S_ISDIR(status.st_mode) && status.st_uid == geteuid()) {
    if (lchown(path.c_str(), owner->uid, owner->gid) != 0 || lstat(path.c_str(), &status) != 0) {
      throw Error(ErrorCode::internal, fmt::format("cannot give {} to the server's user: {}",
                                                   path.string(), std::strerror(errno)));
    }
  }
  if (!S_ISDIR(status.st_mode) || status.st_uid != uid || (status.st_mode & 077) != 0) {
    throw Error(ErrorCode::guard,
                fmt::format("{} is not a private directory of the server's user", path.string()))
        .hint("somebody else made it, or changed its mode; remove it, then start again");
  }
}

}  // namespace

Layout layout_for(const fs::path& project) {
  Layout layout;
  layout.project = fs::weakly_canonical(project);
  layout.state_directory = layout.project / ".pgcycle";
  layout.run_as = server_user();
  const std::string id =
      to_hex(sha256(fmt::format("{}:{}", geteuid(), layout.project.string()))).substr(0, 16);
  layout.cluster = layout.state_directory / "cluster";
  if (layout.run_as && !can_traverse(layout.state_directory, *layout.run_as)) {
    layout.cluster = fs::path("/var/tmp") / ("pgcycle-" + id);
  }
  layout.socket_directory = layout.cluster / "socket";
  if (layout.socket_directory.native().size() > kLongestSocketDirectory) {
    layout.socket_directory = fs::path("/tmp") / ("pgcycle-" + id);
  }
  return layout;
}

void make_directories(const Layout& layout) {
  fs::create_directories(layout.state_directory);
  const fs::path ignore = layout.state_directory / ".gitignore";
  if (!fs::exists(ignore)) write_file_atomically(ignore, "*\n");
  make_private_directory(layout.cluster, layout.run_as);
  make_private_directory(layout.socket_directory, layout.run_as);
}

}  // namespace pgcycle::server
