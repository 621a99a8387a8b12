#include "pgcycle/server/embedded_server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/cluster.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::server {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLogTail = 2000;

bool supervisor_lives(const Layout& layout) {
  if (!fs::exists(layout.supervisor_lock())) return false;
  return !FileLock::try_once(layout.supervisor_lock()).held();
}

pid_t pid_member(const JsonValue& state, std::string_view key) {
  const JsonValue* value = state.find(key);
  pid_t pid = 0;
  if (value != nullptr) {
    std::from_chars(value->text.data(), value->text.data() + value->text.size(), pid);
  }
  return pid;
}

std::string text_member(const JsonValue& state, std::string_view key) {
  const JsonValue* value = state.find(key);
  return value == nullptr ? std::string() : value->text;
}

// What the state file says; `running` only when the lock agrees.
ServerStatus read_status(const Layout& layout) {
  ServerStatus status;
  status.info = embedded_server_info(layout.project);
  status.data_directory = layout.data();
  if (!supervisor_lives(layout) || !fs::exists(layout.state_file())) return status;
  const JsonValue state = parse_json(read_file(layout.state_file()), layout.state_file().string());
  status.running = true;
  status.supervisor = pid_member(state, "supervisor");
  status.postmaster = pid_member(state, "postmaster");
  status.owner = pid_member(state, "owner");
  status.version = text_member(state, "version");
  status.started_at = text_member(state, "started_at");
  status.idle_timeout_seconds = std::stod("0" + text_member(state, "idle_timeout_seconds"));
  return status;
}

std::string log_tail(const Layout& layout) {
  if (!fs::exists(layout.log())) return {};
  const std::string log = read_file(layout.log());
  return log.size() <= kLogTail ? log : "…" + log.substr(log.size() - kLogTail);
}

// Runs the supervisor and waits for its word.
void launch_supervisor(const Layout& layout, const EmbeddedServerSettings& settings,
                       const ProgramDirectory& programs) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(ErrorCode::internal, "cannot make a pipe");
  const FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  const FileDescriptor log(
      open(layout.log().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ProcessSpec spec;
  spec.command = {settings.server_program,
                  "supervise",
                  layout.project.string(),
                  programs.path,
                  fmt::format("{}", settings.idle_timeout_seconds),
                  fmt::format("{}", settings.owner)};
  spec.own_session = true;
  spec.working_directory = "/";
  start_process(spec, -1, write_end.get(), log.get());
  write_end.close();
  std::array<char, 16> word{};
  ssize_t count = 0;
  do {
    count = read(read_end.get(), word.data(), word.size());
  } while (count < 0 && errno == EINTR);
  if (count > 0) return;
  throw Error(ErrorCode::step, "the server did not come up")
      .detail(log_tail(layout))
      .hint(fmt::format("the whole log is in {}", layout.log().string()));
}

}  // namespace

postgres::ConnectionInfo embedded_server_info(const fs::path& project) {
  return postgres::ConnectionInfo()
      .with("host", layout_for(project).socket_directory.string())
      .with("hostaddr", "")  // whatever PGHOSTADDR says
      .with("port", "5432")
      .with("user", "postgres")
      .with("dbname", "postgres");
}

ServerStatus embedded_server_status(const fs::path& project) {
  const Layout layout = layout_for(project);
  ServerStatus status = read_status(layout);
  if (!status.running) return status;
  try {
    auto connection = postgres::Connection::open(status.info);
    status.sessions = static_cast<std::uint64_t>(
        connection
            .query("SELECT count(*) FROM pg_stat_activity "
                   "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
            .integer(0, 0));
  } catch (const Error&) {
    status.running = false;  // on its way up or down
  }
  return status;
}

ServerStatus start_embedded_server(const EmbeddedServerSettings& settings, Reporter& reporter) {
  const Layout layout = layout_for(settings.project);
  ServerStatus status = read_status(layout);
  if (status.running) return status;
  make_directories(layout);
  const FileLock starting = FileLock::wait(layout.start_lock());
  status = read_status(layout);
  if (status.running) return status;
  const auto programs = find_server_programs(settings.environment);
  if (!programs) {
    throw Error(ErrorCode::config, "no PostgreSQL server is installed")
        .hint("apt-get install postgresql, or give the URL of a server with --db-url");
  }
  ensure_data_directory(layout, *programs, settings.environment, reporter);
  launch_supervisor(layout, settings, *programs);
  reporter.verbose("started PostgreSQL {} in {}", programs->major, layout.cluster.string());
  return read_status(layout);
}

bool stop_embedded_server(const fs::path& project, bool immediate) {
  const Layout layout = layout_for(project);
  if (!fs::exists(layout.state_directory)) return false;
  const FileLock starting = FileLock::wait(layout.start_lock());
  const ServerStatus status = read_status(layout);
  if (!status.running) return false;
  kill(status.supervisor, immediate ? SIGQUIT : SIGTERM);
  while (supervisor_lives(layout)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return true;
}

}  // namespace pgcycle::server
