// Child processes: started without a shell, always reaped.
//
// Thread rule: a Process belongs to one thread; `run_process` may be called
// from any. A child never inherits a blocked signal mask or a stray descriptor.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle {

struct UserIds {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct ProcessSpec {
  std::vector<std::string> command;                // command[0] is the program's path
  std::map<std::string, std::string> environment;  // added to, or replacing, the caller's
  std::string working_directory;                   // empty: the caller's
  std::optional<UserIds> run_as;                   // only root may set this
  bool own_session = false;                        // setsid: no terminal, own process group
  int die_with_parent_signal = 0;                  // PR_SET_PDEATHSIG; 0: none
  int standard_input = -1;  // an open file for run_process to hand on; -1: its `input`
};

// Called with each piece of output as it arrives; never with an empty piece.
using OutputSink = std::function<void(std::string_view)>;

struct ProcessResult {
  int exit_status = 0;  // 128 + signal number when a signal ended it
  std::string output;   // standard output, unless a sink took it
  std::string errors;   // standard error, unless a sink took it
  bool ok() const { return exit_status == 0; }
};

// Runs to the end with `input` on standard input. An interruption of the
// program (see interrupt.hpp) terminates the child. `timeout_seconds` 0 means
// none; past it the child's process group is killed and Error{step} thrown.
// Throws Error{internal} when the program cannot be started.
ProcessResult run_process(const ProcessSpec& spec, std::string_view input = {},
                          const OutputSink& on_output = {}, const OutputSink& on_errors = {},
                          double timeout_seconds = 0);

// Starts a child with the given descriptors as its standard streams and
// returns at once. -1 stands for /dev/null.
pid_t start_process(const ProcessSpec& spec, int standard_input, int standard_output,
                    int standard_error);

// Runs `work` in a process that outlives this one: without a terminal, standard streams or
// open files of the caller, and with nobody to hear of its errors. For a program about to
// end that has no other thread. False where no process can be made: nothing ran.
bool run_in_background(const std::function<void()>& work);

// The path of `program` on PATH (`path` is that variable's value), if any.
std::optional<std::string> find_program(std::string_view program, std::string_view path);

// The ids of the named account, if there is one.
std::optional<UserIds> find_user(const std::string& name);

// The path of the running executable.
std::string current_executable();

}  // namespace pgcycle
