#include "pgcycle/server/cluster.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <thread>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::server {

namespace fs = std::filesystem;

namespace {

// Tuned for databases that can be made again at any time.
constexpr std::string_view kSettings = R"(
# pgcycle: a test server. Nothing in it survives a crash of the machine.
listen_addresses = ''
unix_socket_permissions = 0700
fsync = off
full_page_writes = off
wal_level = replica
max_wal_senders = 4
max_wal_size = 4GB
wal_keep_size = 128MB
checkpoint_timeout = 30min
shared_buffers = 128MB
max_connections = 100
max_locks_per_transaction = 256
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
)";

void append_settings(const fs::path& data) {
  const fs::path file = data / "postgresql.conf";
  const FileDescriptor descriptor(open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (write(descriptor.get(), kSettings.data(), kSettings.size()) !=
      static_cast<ssize_t>(kSettings.size())) {
    throw Error(ErrorCode::step, fmt::format("cannot write {}", file.string()));
  }
}

void run_initdb(const Layout& layout, const ProgramDirectory& programs, const fs::path& data) {
  ProcessSpec spec;
  spec.command = {programs.path + "/initdb",
                  "--pgdata",
                  data.string(),
                  "--username=postgres",
                  "--auth=trust",
                  "--encoding=UTF8",
                  "--lc-collate=C",
                  "--lc-ctype=C.UTF-8",
                  "--lc-messages=C",
                  "--no-sync",
                  "--wal-segsize=4"};
  if (programs.major >= 14) spec.command.emplace_back("--no-instructions");
  spec.run_as = layout.run_as;
  spec.working_directory = "/";
  const ProcessResult result = run_process(spec);
  if (!result.ok()) {
    throw Error(ErrorCode::step, "initdb failed")
        .detail(result.errors + result.output)
        .hint("check the disk's free space and the permissions of " + layout.cluster.string());
  }
  append_settings(data);
}

// Copies data and holes; the WAL segment is mostly zeros.
void copy_file(const fs::path& from, const fs::path& to, const std::optional<UserIds>& owner) {
  const FileDescriptor source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const FileDescriptor target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  struct stat status {};
  const auto fail = [&to] {
    throw Error(ErrorCode::step,
                fmt::format("cannot copy to {}: {}", to.string(), std::strerror(errno)));
  };
  if (!source.is_open() || !target.is_open() || fstat(source.get(), &status) != 0) fail();
  off_t offset = 0;
  while (offset < status.st_size) {
    const ssize_t copied = copy_file_range(source.get(), &offset, target.get(), nullptr,
                                           static_cast<std::size_t>(status.st_size - offset), 0);
    if (copied == 0) break;
    if (copied > 0) continue;
    if (errno == EINTR) continue;
    std::array<char, 65536> buffer{};
    const ssize_t count = pread(source.get(), buffer.data(), buffer.size(), offset);
    if (count <= 0 ||
        write(target.get(), buffer.data(), static_cast<std::size_t>(count)) != count) {
      fail();
    }
    offset += count;
  }
  if (owner && fchown(target.get(), owner->uid, owner->gid) != 0) fail();
}

using FilePairs = std::vector<std::pair<fs::path, fs::path>>;

// Makes the directories and lists the files with where they go.
void copy_directories(const fs::path& from, const fs::path& to, const std::optional<UserIds>& owner,
                      FilePairs& files) {
  fs::create_directory(to);
  fs::permissions(to, fs::perms::owner_all);
  if (owner && chown(to.c_str(), owner->uid, owner->gid) != 0) {
    throw Error(ErrorCode::step, fmt::format("cannot give {} to the server's user", to.string()));
  }
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_directory()) {
      copy_directories(entry.path(), target, owner, files);
    } else {
      files.emplace_back(entry.path(), target);
    }
  }
}

// A thousand small files: the time goes into the kernel, so that a second
// thread nearly halves it.
void copy_tree(const fs::path& from, const fs::path& to, const std::optional<UserIds>& owner) {
  FilePairs files;
  copy_directories(from, to, owner, files);
  std::atomic<std::size_t> next{0};
  const auto copy_some = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      copy_file(files[i].first, files[i].second, owner);
    }
  };
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  std::vector<std::future<void>> others;
  for (unsigned i = 1; i < threads; ++i) {
    others.push_back(std::async(std::launch::async, copy_some));
  }
  copy_some();
  for (std::future<void>& other : others) other.get();
}

fs::path cache_directory(const Environment& environment) {
  if (const auto cache = environment("XDG_CACHE_HOME"); cache && !cache->empty()) {
    return fs::path(*cache) / "pgcycle";
  }
  if (const auto home = environment("HOME"); home && !home->empty()) {
    return fs::path(*home) / ".cache" / "pgcycle";
  }
  return fs::path("/var/tmp") / fmt::format("pgcycle-cache-{}", geteuid());
}

// Tells one installed server from another without running it.
std::string server_identity(const ProgramDirectory& programs) {
  const fs::path program = fs::path(programs.path) / "postgres";
  struct stat status {};
  if (stat(program.c_str(), &status) != 0) return program.string();
  return fmt::format("{} {} {}.{:09}", program.string(), status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

// Puts a copy into the cache, in place of those for other builds and settings of the same
// major version. One run at a time does so; the others go without.
void publish_to_cache(const fs::path& data, const fs::path& cached, int major) {
  const fs::path directory = cached.parent_path();
  fs::create_directories(directory);
  const FileLock turn = FileLock::try_once(directory / "initdb.lock");
  if (!turn.held()) return;
  const std::string prefix = fmt::format("initdb-{}-", major);
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with(prefix)) fs::remove_all(entry.path());
  }
  const fs::path aside = directory / (prefix + "pgcycle-new");
  copy_tree(data, aside, std::nullopt);
  fs::rename(aside, cached);
}

// False where there is none, or it went while it was copied.
bool copy_cached(const fs::path& cached, const fs::path& aside,
                 const std::optional<UserIds>& owner) {
  if (!fs::exists(cached / "PG_VERSION")) return false;
  try {
    copy_tree(cached, aside, owner);
    return true;
  } catch (const std::exception&) {
    if (fs::exists(cached / "PG_VERSION")) throw;
    fs::remove_all(aside);
    return false;
  }
}

void check_version(const fs::path& data, const ProgramDirectory& programs) {
  std::string version = read_file(data / "PG_VERSION");
  version.erase(version.find_last_not_of('\n') + 1);
  if (version == std::to_string(programs.major)) return;
  throw Error(ErrorCode::config, fmt::format("the project's server holds data of PostgreSQL {}, "
                                             "but version {} is installed",
                                             version, programs.major))
      .at(data.string())
      .hint("run pgcycle-server stop, remove the directory, and let pgcycle-reset fill a new one");
}

}  // namespace

void ensure_data_directory(const Layout& layout, const ProgramDirectory& programs,
                           const Environment& environment, Reporter& reporter) {
  const fs::path data = layout.data();
  if (fs::exists(data / "PG_VERSION")) {
    check_version(data, programs);
    return;
  }
  const fs::path aside = layout.cluster / "data.pgcycle-new";
  fs::remove_all(aside);
  fs::remove_all(data);
  const std::string id =
      to_hex(sha256(server_identity(programs) + std::string(kSettings))).substr(0, 16);
  const fs::path cached =
      cache_directory(environment) / fmt::format("initdb-{}-{}", programs.major, id);
  if (!copy_cached(cached, aside, layout.run_as)) {
    reporter.verbose("initdb: no cached cluster for PostgreSQL {} yet", programs.major);
    run_initdb(layout, programs, aside);
    try {
      publish_to_cache(aside, cached, programs.major);
    } catch (const std::exception& error) {
      reporter.verbose("cannot keep the new cluster for the next time: {}", error.what());
    }
  }
  fs::rename(aside, data);
}

}  // namespace pgcycle::server
