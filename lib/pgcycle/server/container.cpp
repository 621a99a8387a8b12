#include "pgcycle/server/container.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/interrupt.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::server {

namespace fs = std::filesystem;

namespace {

constexpr const char* kService = "postgres";
constexpr auto kPatience = std::chrono::seconds(120);

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \r\n\t") + 1);
  return text;
}

class Docker {
 public:
  Docker(fs::path project, const Environment& environment) : project_(std::move(project)) {
    const std::string path = environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
    const auto docker = find_program("docker", path);
    if (!docker) {
      throw Error(ErrorCode::config, "docker is not installed")
          .hint("install Docker, or set database.server to \"embedded\"");
    }
    docker_ = *docker;
    compose_ = {docker_, "compose"};
    if (!run({docker_, "compose", "version"}).ok()) {
      const auto old = find_program("docker-compose", path);
      if (!old) {
        throw Error(ErrorCode::config, "docker compose is not installed")
            .hint("install Docker's compose plugin, or docker-compose");
      }
      compose_ = {*old};
    }
    compose_.insert(compose_.end(), {"-f", compose_file().string()});
  }

  // Standard output of a command that must work.
  std::string compose(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = compose_;
    command.insert(command.end(), arguments.begin(), arguments.end());
    return output_of(command);
  }
  std::string docker(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), docker_);
    return output_of(arguments);
  }

  // The container's id; empty when there is none.
  std::string container() const { return trimmed(compose({"ps", "-q", kService})); }

 private:
  ProcessResult run(const std::vector<std::string>& command) const {
    ProcessSpec spec;
    spec.command = command;
    spec.working_directory = project_.string();
    return run_process(spec);
  }

  std::string output_of(const std::vector<std::string>& command) const {
    const ProcessResult result = run(command);
    if (result.ok()) return result.output;
    std::string words;
    for (const std::string& word : command) words += (words.empty() ? "" : " ") + word;
    throw Error(ErrorCode::step, fmt::format("{} failed", words))
        .detail(trimmed(result.errors))
        .hint("is the Docker engine running, and may you use it? see: docker info");
  }

  fs::path compose_file() const {
    static constexpr std::array kNames{"compose.yaml", "compose.yml", "docker-compose.yaml",
                                       "docker-compose.yml"};
    for (const char* name : kNames) {
      if (fs::exists(project_ / name)) return project_ / name;
    }
    throw Error(ErrorCode::config, fmt::format("no docker-compose.yml in {}", project_.string()))
        .hint("copy the one of pgcycle's own repository, or set database.server to \"embedded\"");
  }

  fs::path project_;
  std::string docker_;
  std::vector<std::string> compose_;
};

std::string state_of(const Docker& docker, const std::string& id) {
  return trimmed(docker.docker(
      {"inspect", "--format",
       "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}",
       id}));
}

// NAME=value lines of the container's environment.
std::string variable_of(const std::string& variables, const std::string& name,
                        const std::string& otherwise) {
  std::size_t at = ("\n" + variables).find("\n" + name + "=");
  if (at == std::string::npos) return otherwise;
  at += name.size() + 1;
  return variables.substr(at, variables.find('\n', at) - at);
}

// "127.0.0.1:49153" or "0.0.0.0:5432" as host and port that can be connected to.
postgres::ConnectionInfo info_of(const Docker& docker, const std::string& id) {
  const std::string address = trimmed(docker.docker({"port", id, "5432/tcp"}));
  const std::string first = address.substr(0, address.find('\n'));
  const std::size_t colon = first.rfind(':');
  if (colon == std::string::npos) {
    throw Error(ErrorCode::config, "the postgres service publishes no port")
        .hint("give it ports: [\"127.0.0.1:0:5432\"] in the compose file");
  }
  std::string host = first.substr(0, colon);
  if (host == "0.0.0.0" || host == "[::]" || host == "::") host = "127.0.0.1";
  const std::string variables =
      docker.docker({"inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", id});
  auto info = postgres::ConnectionInfo()
                  .with("host", host)
                  .with("hostaddr", "")  // whatever PGHOSTADDR says
                  .with("port", first.substr(colon + 1))
                  .with("user", variable_of(variables, "POSTGRES_USER", "postgres"))
                  .with("dbname", "postgres");
  const std::string password = variable_of(variables, "POSTGRES_PASSWORD", "");
  return password.empty() ? info : info.with("password", password);
}

}  // namespace

bool docker_is_available(const Environment& environment) {
  const auto docker =
      find_program("docker", environment("PATH").value_or("/usr/local/bin:/usr/bin:/bin"));
  return docker && run_process({{*docker, "info"}, {}, {}, {}}).ok();
}

std::optional<ContainerServer> find_container_server(const fs::path& project,
                                                     const Environment& environment) {
  const Docker docker(project, environment);
  const std::string id = docker.container();
  if (id.empty() || state_of(docker, id) != "running healthy") return std::nullopt;
  return ContainerServer{id, info_of(docker, id)};
}

ContainerServer start_container_server(const fs::path& project, const Environment& environment,
                                       Reporter& reporter) {
  const Docker docker(project, environment);
  std::string id = docker.container();
  if (id.empty() || !state_of(docker, id).starts_with("running")) {
    reporter.verbose("starting the {} service", kService);
    docker.compose({"up", "-d", kService});
    id = docker.container();
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (std::string state; (state = state_of(docker, id)) != "running healthy";) {
    throw_if_interrupted();
    if (!state.starts_with("running") || state == "running unhealthy" ||
        std::chrono::steady_clock::now() > deadline) {
      throw Error(ErrorCode::step, fmt::format("the server's container is {}", state))
          .detail(docker.docker({"logs", "--tail", "20", id}))
          .hint(fmt::format("see: docker logs {}", id.substr(0, 12)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return {id, info_of(docker, id)};
}

bool stop_container_server(const fs::path& project, const Environment& environment) {
  const Docker docker(project, environment);
  const std::string id = docker.container();
  if (id.empty()) return false;
  docker.compose({"rm", "--stop", "--force", "-v", kService});
  // docker-compose says so too when it could not.
  if (docker.container() == id) docker.docker({"rm", "--force", "--volumes", id});
  return true;
}

}  // namespace pgcycle::server
