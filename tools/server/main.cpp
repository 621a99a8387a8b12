// pgcycle-server: "I have no Postgres running: start one, and tell me its URL".
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "pgcycle/server/container.hpp"
#include "pgcycle/server/embedded_server.hpp"
#include "pgcycle/server/programs.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-server start             # start the project's server, print its URL\n"
    "  pgcycle-server start --owner $$  # … and let it go when this shell ends\n"
    "  pgcycle-server psql              # open psql on the project's database\n"
    "  pgcycle-server stop              # end it; the data stays in .pgcycle/\n";

struct ServerOptions {
  pid_t owner = 0;
  std::string idle_timeout;
  bool immediate = false;
  std::vector<std::string> psql_arguments;
};

bool is_container(const Context& context) {
  return server::managed_kind(context.config, context.environment) == server::ServerKind::docker;
}

void start_container(const Context& context, const ServerOptions& options) {
  if (options.owner != 0 || !options.idle_timeout.empty()) {
    throw Error(ErrorCode::usage, "--owner and --idle-timeout are for the embedded server")
        .hint("a container runs until pgcycle-server stop");
  }
  const auto started = server::start_container_server(context.config.directory(),
                                                      context.environment, context.reporter);
  const std::string uri = started.info.uri(true);
  context.print(uri + "\n", {{"url", uri}, {"container", started.id}});
}

void start(const Context& context, const ServerOptions& options) {
  if (is_container(context)) return start_container(context, options);
  server::EmbeddedServerSettings settings;
  settings.project = context.config.directory();
  settings.server_program = context.server_program();
  settings.environment = context.environment;
  settings.owner = options.owner;
  settings.idle_timeout_seconds = options.idle_timeout.empty()
                                      ? context.config.duration_seconds("database.idleTimeout")
                                      : parse_duration(options.idle_timeout);
  const server::ServerStatus status = server::start_embedded_server(settings, context.reporter);
  const std::string uri = status.info.uri(true);
  context.print(uri + "\n", {{"url", uri}, {"version", status.version}});
}

void stop(const Context& context, const ServerOptions& options) {
  const std::filesystem::path project = context.config.directory();
  const bool stopped = is_container(context)
                           ? server::stop_container_server(project, context.environment)
                           : server::stop_embedded_server(project, options.immediate);
  context.print(stopped ? "stopped\n" : "was not running\n", {{"stopped", stopped}});
}

void container_status(const Context& context) {
  const auto found = server::find_container_server(context.config.directory(), context.environment);
  if (!found) {
    context.print("not running\n", {{"running", false}});
    return;
  }
  const std::string uri = found->info.uri(true);
  context.print(fmt::format("running in container {}\n  url       {}\n", found->id, uri),
                {{"running", true}, {"url", uri}, {"container", found->id}});
}

void status(const Context& context) {
  if (is_container(context)) return container_status(context);
  const auto now = server::embedded_server_status(context.config.directory());
  if (!now.running) {
    context.print("not running\n", {{"running", false}});
    return;
  }
  const std::string uri = now.info.uri(true);
  context.print(
      fmt::format("running PostgreSQL {}\n  url       {}\n  data      {}\n  since     {}\n"
                  "  sessions  {}\n  idle stop {}\n",
                  now.version, uri, now.data_directory.string(), now.started_at, now.sessions,
                  now.idle_timeout_seconds > 0 ? fmt::format("after {} s", now.idle_timeout_seconds)
                                               : "never"),
      {{"running", true},
       {"url", uri},
       {"version", now.version},
       {"data", now.data_directory.string()},
       {"started_at", now.started_at},
       {"sessions", now.sessions},
       {"supervisor", now.supervisor},
       {"postmaster", now.postmaster}});
}

void url(const Context& context) {
  const std::string uri = context.target().info.uri(true);
  context.print(uri + "\n", {{"url", uri}});
}

void psql(const Context& context, const ServerOptions& options) {
  const server::Target target = context.target();
  const std::string program = server::find_client_program("psql", 0, context.environment);
  std::vector<std::string> command{program};
  command.insert(command.end(), options.psql_arguments.begin(), options.psql_arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  for (const auto& [name, value] : target.info.environment()) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(program.c_str(), arguments.data());
  throw Error(ErrorCode::internal, fmt::format("cannot run {}", program));
}

}  // namespace

int main(int argc, char** argv) {
  // The supervisor's own life: `start` runs it, people do not.
  if (argc == 6 && std::string_view(argv[1]) == "supervise") {
    return server::supervise(argv[2], argv[3], std::atof(argv[4]), std::atoi(argv[5]));
  }
  Program program("pgcycle-server", "a private PostgreSQL for this project", kExamples);
  ServerOptions options;
  CLI::App& start_command =
      program.command("start", "Start the project's server and print its URL",
                      [&options](const Context& context) { start(context, options); });
  start_command.add_option("--owner", options.owner, "Stop when this process ends")
      ->type_name("PID");
  start_command
      .add_option("--idle-timeout", options.idle_timeout, "Stop after this time without a session")
      ->type_name("TIME");
  CLI::App& stop_command =
      program.command("stop", "Stop the project's server",
                      [&options](const Context& context) { stop(context, options); });
  stop_command.add_flag("--immediate", options.immediate,
                        "Do not wait for sessions or a checkpoint");
  program.command("status", "Tell whether it runs, and where", status);
  program.command("url", "Print the URL of the target database, starting the server", url);
  CLI::App& psql_command =
      program.command("psql", "Open psql on the target database",
                      [&options](const Context& context) { psql(context, options); });
  psql_command.add_option("arguments", options.psql_arguments, "Arguments of psql");
  psql_command.prefix_command();
  program.app().require_subcommand(0, 1);
  return program.run(argc, argv);
}
