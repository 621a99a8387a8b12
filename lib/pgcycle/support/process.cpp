#include "pgcycle/support/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/interrupt.hpp"

extern char** environ;

namespace pgcycle {

namespace {

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorCode::internal, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!changes.contains(std::string(text.substr(0, text.find('='))))) out.emplace_back(text);
  }
  for (const auto& [name, value] : changes) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> as_c_array(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Runs between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_child(const ProcessSpec& spec, char* const* arguments,
                               char* const* environment, const std::array<int, 3>& streams,
                               pid_t parent, int report) {
  const auto fail = [report]() {
    const int error = errno;
    [[maybe_unused]] const auto written = write(report, &error, sizeof error);
    _exit(127);
  };
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (spec.own_session) setsid();
  for (int target = 0; target < 3; ++target) {
    const int source = streams[static_cast<std::size_t>(target)];
    if (source == target) {
      fcntl(source, F_SETFD, 0);
    } else if (dup2(source, target) < 0) {
      fail();
    }
  }
  if (spec.run_as) {
    if (setgroups(0, nullptr) != 0 || setgid(spec.run_as->gid) != 0 ||
        setuid(spec.run_as->uid) != 0) {
      fail();
    }
  }
  // After the change of user, which clears it.
  if (spec.die_with_parent_signal != 0) {
    prctl(PR_SET_PDEATHSIG, spec.die_with_parent_signal);
    if (getppid() != parent) _exit(127);
  }
  if (!spec.working_directory.empty() && chdir(spec.working_directory.c_str()) != 0) fail();
  execve(arguments[0], arguments, environment);
  fail();
  _exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return 255;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads what is there; closes `source` at its end.
void drain(FileDescriptor& source, std::string& collected, const OutputSink& sink) {
  std::array<char, 65536> buffer{};
  const ssize_t count = read(source.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    source.close();
    return;
  }
  const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
  if (sink) {
    sink(piece);
  } else {
    collected.append(piece);
  }
}

void feed(FileDescriptor& target, std::string_view& input) {
  const ssize_t count = write(target.get(), input.data(), input.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
  if (count < 0 || input.empty()) target.close();
}

// A closed pipe must be an error code here, never a signal; from the first of several runs at once
// to the last.
class IgnoreSigpipe {
 public:
  IgnoreSigpipe() {
    const std::lock_guard lock(mutex());
    if (count()++ > 0) return;
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &before());
  }
  ~IgnoreSigpipe() {
    const std::lock_guard lock(mutex());
    if (--count() == 0) sigaction(SIGPIPE, &before(), nullptr);
  }
  IgnoreSigpipe(const IgnoreSigpipe&) = delete;
  IgnoreSigpipe& operator=(const IgnoreSigpipe&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex mutex;
    return mutex;
  }
  static int& count() {
    static int count = 0;
    return count;
  }
  static struct sigaction& before() {
    static struct sigaction before {};
    return before;
  }
};

}  // namespace

pid_t start_process(const ProcessSpec& spec, int standard_input, int standard_output,
                    int standard_error) {
  const std::vector<std::string> environment_strings = merged_environment(spec.environment);
  const std::vector<char*> environment = as_c_array(environment_strings);
  const std::vector<char*> arguments = as_c_array(spec.command);
  const FileDescriptor null_device(open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto or_null = [&](int fd) { return fd < 0 ? null_device.get() : fd; };
  const std::array<int, 3> streams{or_null(standard_input), or_null(standard_output),
                                   or_null(standard_error)};
  Pipe report = make_pipe();
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    throw Error(ErrorCode::internal,
                fmt::format("cannot start {}: {}", spec.command[0], std::strerror(errno)));
  }
  if (child == 0) {
    become_child(spec, arguments.data(), environment.data(), streams, parent,
                 report.write_end.get());
  }
  report.write_end.close();
  int child_errno = 0;
  if (read(report.read_end.get(), &child_errno, sizeof child_errno) == sizeof child_errno) {
    wait_for(child);
    throw Error(ErrorCode::internal,
                fmt::format("cannot start {}: {}", spec.command[0], std::strerror(child_errno)));
  }
  return child;
}

ProcessResult run_process(const ProcessSpec& spec, std::string_view input,
                          const OutputSink& on_output, const OutputSink& on_errors,
                          double timeout_seconds) {
  using Clock = std::chrono::steady_clock;
  const IgnoreSigpipe quiet;
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const pid_t child =
      start_process(spec, spec.standard_input >= 0 ? spec.standard_input : in.read_end.get(),
                    out.write_end.get(), err.write_end.get());
  in.read_end.close();
  out.write_end.close();
  err.write_end.close();
  const auto terminate = [&](int signal) { kill(spec.own_session ? -child : child, signal); };
  const OnInterrupt stop([&] { terminate(SIGTERM); });

  ProcessResult result;
  if (input.empty()) in.write_end.close();
  fcntl(in.write_end.get(), F_SETFL, O_NONBLOCK);
  const auto deadline = Clock::now() + std::chrono::duration<double>(timeout_seconds);
  bool timed_out = false;
  try {
    while (out.read_end.is_open() || err.read_end.is_open() || in.write_end.is_open()) {
      std::array<pollfd, 3> waits{pollfd{out.read_end.get(), POLLIN, 0},
                                  pollfd{err.read_end.get(), POLLIN, 0},
                                  pollfd{in.write_end.get(), POLLOUT, 0}};
      poll(waits.data(), waits.size(), timeout_seconds > 0 ? 100 : -1);
      if (waits[0].revents != 0) drain(out.read_end, result.output, on_output);
      if (waits[1].revents != 0) drain(err.read_end, result.errors, on_errors);
      if (waits[2].revents != 0) feed(in.write_end, input);
      if (timeout_seconds > 0 && !timed_out && Clock::now() > deadline) {
        timed_out = true;
        terminate(SIGKILL);
        break;
      }
    }
  } catch (...) {
    terminate(SIGKILL);
    wait_for(child);
    throw;
  }
  result.exit_status = wait_for(child);
  if (timed_out) {
    throw Error(ErrorCode::step, fmt::format("{} did not end within {} s and was killed",
                                             spec.command[0], timeout_seconds));
  }
  throw_if_interrupted();
  return result;
}

bool run_in_background(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child > 0) return wait_for(child) == 0;
  // The child's child belongs to init, so that the caller has none to reap.
  const pid_t worker = fork();
  if (worker != 0) _exit(worker < 0 ? 1 : 0);
  setsid();
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) signal(signal_number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nothing, stream);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  try {
    work();
  } catch (...) {  // NOLINT(bugprone-empty-catch): nobody hears it
  }
  _exit(0);
}

std::optional<std::string> find_program(std::string_view program, std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = path.find(':');
    const std::filesystem::path candidate =
        std::filesystem::path(path.substr(0, end)) / std::string(program);
    if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate)) {
      return candidate.string();
    }
    if (end == std::string_view::npos) break;
    path.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<UserIds> find_user(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  return UserIds{found->pw_uid, found->pw_gid};
}

std::string current_executable() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

}  // namespace pgcycle
