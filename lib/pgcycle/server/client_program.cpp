#include "pgcycle/server/client_program.hpp"

#include <fmt/format.h>
#include <signal.h>

#include "pgcycle/server/programs.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::server {

ClientProgram::ClientProgram(std::string_view name, int server_major, VersionNeed need,
                             const std::string& container, const Environment& environment) {
  try {
    program_ = find_client_program(name, server_major, environment);
  } catch (const Error&) {
    const auto docker =
        find_program("docker", environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin"));
    const auto directories = find_program_directories(name, environment);
    if (!container.empty() && docker) {
      program_ = name;
      docker_ = *docker;
      container_ = container;
    } else if (need == VersionNeed::preferred && !directories.empty()) {
      program_ = fmt::format("{}/{}", directories.front().path, name);
    } else {
      throw;
    }
  }
}

ProcessSpec ClientProgram::command(const postgres::ConnectionInfo& database,
                                   const std::vector<std::string>& arguments,
                                   const std::map<std::string, std::string>& variables) const {
  ProcessSpec spec;
  spec.environment = database.environment();
  spec.environment.insert(variables.begin(), variables.end());
  spec.die_with_parent_signal = SIGTERM;
  if (in_container()) {
    spec.command = {docker_, "exec", "-i"};
    // The container's own server is reached through its socket, whatever this host's way.
    for (const char* name : {"PGHOST", "PGHOSTADDR", "PGPORT"}) spec.environment.erase(name);
    for (const auto& [name, value] : spec.environment) {
      spec.command.insert(spec.command.end(), {"-e", name});  // the value is not an argument
    }
    spec.command.push_back(container_);
  }
  spec.command.push_back(program_);
  spec.command.insert(spec.command.end(), arguments.begin(), arguments.end());
  return spec;
}

std::string ClientProgram::copy_directory(const std::string& path) const {
  const std::string target = "/tmp/pgcycle-" + to_hex(random_bytes(8));
  const ProcessResult result =
      run_process({{docker_, "cp", path, container_ + ":" + target}, {}, {}, {}});
  if (result.ok()) return target;
  throw Error(ErrorCode::step, fmt::format("cannot copy {} into the container", path))
      .detail(result.errors);
}

void ClientProgram::remove_copy(const std::string& path) const {
  run_process({{docker_, "exec", "-u", "0", container_, "rm", "-rf", path}, {}, {}, {}});
}

}  // namespace pgcycle::server
