// The process that has the postmaster as its child.
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <thread>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/embedded_server.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::server {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

FileDescriptor open_process(pid_t pid) {
  return FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

bool has_exited(const FileDescriptor& process) {
  pollfd wait{process.get(), POLLIN, 0};
  return poll(&wait, 1, 0) == 1;
}

// A postmaster whose supervisor was killed is on its way out; its successor
// waits for it, and takes away a pid file whose number now means another process.
void wait_for_predecessor(const Layout& layout) {
  const fs::path pid_file = layout.data() / "postmaster.pid";
  for (int attempt = 0; attempt < 500; ++attempt) {
    if (!fs::exists(pid_file)) return;
    const pid_t pid = static_cast<pid_t>(std::strtol(read_file(pid_file).c_str(), nullptr, 10));
    std::error_code ignored;
    const fs::path working = fs::read_symlink(fmt::format("/proc/{}/cwd", pid), ignored);
    if (working != layout.data()) {
      fs::remove(pid_file, ignored);
      fs::remove(layout.socket_directory / ".s.PGSQL.5432.lock", ignored);
      fs::remove(layout.socket_directory / ".s.PGSQL.5432", ignored);
      return;
    }
    std::this_thread::sleep_for(20ms);
  }
}

class Supervisor {
 public:
  Supervisor(Layout layout, std::string programs, double idle_seconds, pid_t owner)
      : layout_(std::move(layout)),
        programs_(std::move(programs)),
        idle_seconds_(idle_seconds),
        owner_(owner),
        info_(embedded_server_info(layout_.project)) {}

  int run() {
    const FileLock life = FileLock::try_once(layout_.supervisor_lock());
    if (!life.held()) return fail("another supervisor is running");
    if (owner_ != 0) {
      owner_process_ = open_process(owner_);
      if (!owner_process_.is_open()) return fail("the owner is gone already");
    }
    block_signals();
    wait_for_predecessor(layout_);
    start_postmaster();
    if (!wait_until_ready()) {
      stop(SIGQUIT);
      return 1;
    }
    write_state();
    announce();
    watch();
    std::error_code ignored;
    fs::remove(layout_.state_file(), ignored);
    return 0;
  }

 private:
  static int fail(const char* what) {
    std::fputs(fmt::format("pgcycle-server: {}\n", what).c_str(), stderr);
    return 1;
  }

  void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC));
  }

  void start_postmaster() {
    ProcessSpec spec;
    spec.command = {programs_ + "/postgres", "-D", layout_.data().string(), "-k",
                    layout_.socket_directory.string()};
    spec.run_as = layout_.run_as;
    spec.working_directory = "/";
    spec.die_with_parent_signal = SIGQUIT;
    postmaster_ = start_process(spec, -1, STDERR_FILENO, STDERR_FILENO);
    postmaster_process_ = open_process(postmaster_);
  }

  bool wait_until_ready() {
    for (const auto deadline = Clock::now() + 60s; Clock::now() < deadline;) {
      if (has_exited(postmaster_process_)) return false;
      try {
        auto connection = postgres::Connection::open(info_);
        version_ = connection.query("SHOW server_version").get(0, 0);
        return true;
      } catch (const Error&) {
        std::this_thread::sleep_for(2ms);
      }
    }
    return false;
  }

  void write_state() const {
    std::string version;
    append_json_string(version, version_);
    write_file_atomically(
        layout_.state_file(),
        fmt::format("{{\"supervisor\": {}, \"postmaster\": {}, \"owner\": {}, \"version\": {}, "
                    "\"started_at\": \"{:%Y-%m-%dT%H:%M:%SZ}\", \"idle_timeout_seconds\": {}}}\n",
                    getpid(), postmaster_, owner_, version, fmt::gmtime(std::time(nullptr)),
                    idle_seconds_),
        0600);
  }

  // Whoever started us reads this word; afterwards nothing ties us to them.
  static void announce() {
    [[maybe_unused]] const auto written = write(STDOUT_FILENO, "ready\n", 6);
    const FileDescriptor null_device(open("/dev/null", O_RDWR | O_CLOEXEC));
    dup2(null_device.get(), STDOUT_FILENO);
  }

  void watch() {
    last_active_ = Clock::now();
    const auto pause = std::chrono::milliseconds(
        idle_seconds_ > 0 ? std::clamp(static_cast<int>(idle_seconds_ * 250), 100, 10000) : 10000);
    for (;;) {
      std::array<pollfd, 3> waits{pollfd{signals_.get(), POLLIN, 0},
                                  pollfd{postmaster_process_.get(), POLLIN, 0},
                                  pollfd{owner_process_.get(), POLLIN, 0}};
      const int events = poll(waits.data(), waits.size(), static_cast<int>(pause.count()));
      if (waits[1].revents != 0) {
        reap();
        return;
      }
      if (waits[0].revents != 0) {
        signalfd_siginfo signal{};
        [[maybe_unused]] const auto size = read(signals_.get(), &signal, sizeof signal);
        return stop(signal.ssi_signo == SIGQUIT ? SIGQUIT : SIGINT);
      }
      if (waits[2].revents != 0) return stop(SIGINT);
      if (!fs::exists(layout_.state_directory)) {
        stop(SIGQUIT);
        std::error_code ignored;
        fs::remove_all(layout_.cluster, ignored);
        fs::remove_all(layout_.socket_directory, ignored);
        return;
      }
      if (events == 0 && is_idle()) return stop(SIGINT);
    }
  }

  bool is_idle() {
    if (idle_seconds_ <= 0) return false;
    if (has_sessions()) last_active_ = Clock::now();
    return Clock::now() - last_active_ > std::chrono::duration<double>(idle_seconds_);
  }

  // Sessions now, or any since the last look (counted by the server from 14 on).
  bool has_sessions() {
    try {
      auto connection = postgres::Connection::open(info_);
      const std::string counter =
          connection.server_version() >= 140000
              ? "(SELECT COALESCE(sum(sessions), 0)::bigint FROM pg_stat_database)"
              : "0::bigint";
      const auto row =
          connection.query("SELECT count(*), " + counter +
                           " FROM pg_stat_activity WHERE backend_type = 'client backend' "
                           "AND pid <> pg_backend_pid()");
      const std::int64_t total = row.integer(0, 1);
      const bool came_and_went = total > sessions_seen_ + 1;  // this look counts as one
      sessions_seen_ = total;
      return row.integer(0, 0) > 0 || came_and_went;
    } catch (const Error&) {
      return true;  // no connection left is the opposite of idle
    }
  }

  void stop(int signal) {
    kill(postmaster_, signal);
    reap();
  }

  void reap() const {
    int status = 0;
    while (waitpid(postmaster_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  Layout layout_;
  std::string programs_;
  double idle_seconds_;
  pid_t owner_;
  postgres::ConnectionInfo info_;
  FileDescriptor owner_process_;
  FileDescriptor postmaster_process_;
  FileDescriptor signals_;
  pid_t postmaster_ = 0;
  std::string version_;
  std::int64_t sessions_seen_ = 0;
  Clock::time_point last_active_;
};

}  // namespace

int supervise(const fs::path& project, const std::string& programs_directory,
              double idle_timeout_seconds, pid_t owner) {
  try {
    return Supervisor(layout_for(project), programs_directory, idle_timeout_seconds, owner).run();
  } catch (const Error& error) {
    std::fputs(format_error("pgcycle-server", error).c_str(), stderr);
    return error.exit_status();
  }
}

}  // namespace pgcycle::server
