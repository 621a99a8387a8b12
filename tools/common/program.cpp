#include "tools/common/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/support/interrupt.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::tools {

namespace {

Environment process_environment() {
  const auto variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return [variable, service = variable("PGSERVICE")](const std::string& name) {
    return name == "PGSERVICE" ? service : variable(name);
  };
}

// Examples first, then the options.
class ExamplesFirst final : public CLI::Formatter {
 public:
  explicit ExamplesFirst(std::string examples) : examples_(std::move(examples)) {
    column_width(34);
  }
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string help = CLI::Formatter::make_help(app, name, mode);
    if (mode != CLI::AppFormatMode::Normal || app->get_parent() != nullptr) return help;
    return app->get_name() + ": " + app->get_description() + "\n\nExamples:\n" + examples_ + "\n" +
           help.substr(std::min(help.find("Usage:"), help.size()));
  }

 private:
  std::string examples_;
};

bool wants_color(const std::string& choice, bool terminal) {
  if (choice == "always") return true;
  if (choice == "never") return false;
  return terminal && std::getenv("NO_COLOR") == nullptr;
}

std::set<DebugTopic> debug_topics(const std::string& list) {
  static const std::vector<std::pair<std::string, DebugTopic>> kTopics{
      {"stats", DebugTopic::stats}, {"explain", DebugTopic::explain}, {"sql", DebugTopic::sql}};
  std::set<DebugTopic> out;
  for (const std::string& name : CLI::detail::split(list, ',')) {
    if (name.empty()) continue;
    bool found = false;
    for (const auto& [topic_name, topic] : kTopics) {
      if (topic_name != name) continue;
      out.insert(topic);
      found = true;
    }
    if (!found) {
      throw Error(ErrorCode::usage, fmt::format("unknown debug topic '{}'", name))
          .hint("the topics are stats, explain and sql, separated by commas");
    }
  }
  return out;
}

void add_common_options(CLI::App& app, CommonOptions& options) {
  app.set_help_flag("-?,--help", "Show this help and exit");
  app.add_option("-d,--db-url", options.db_url,
                 "Target: URI, key=value string or name [PGCYCLE_DB_URL]");
  app.add_option("--config", options.config_file,
                 "Configuration file [default: pgcycle.json here or in a parent directory]");
  app.add_flag("--show-config", options.show_config, "Print each setting with its origin and exit");
  app.add_flag("--json", options.json, "Print the result as one JSON object");
  app.add_flag("-q,--quiet", options.quiet, "Only warnings and errors");
  app.add_flag("-v,--verbose", options.verbose, "Say more of what is done");
  app.add_flag("--dry-run", options.dry_run, "Show what would be done and change nothing");
  app.add_option("-j,--jobs", options.jobs, "How much to do in parallel [default: cores]");
  app.add_flag("-y,--yes", options.yes, "Answer yes to questions (never passes a guard)");
  app.add_option("--color", options.color, "When to use color")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->type_name("auto|always|never");
  app.add_option("--debug", options.debug, "Explain the work: stats,explain,sql")
      ->type_name("TOPICS");
}

}  // namespace

std::optional<std::string> Context::db_url() const {
  if (!options.db_url.empty()) return options.db_url;
  auto value = environment("PGCYCLE_DB_URL");
  return value && value->empty() ? std::nullopt : value;
}

std::filesystem::path Context::path(const std::string& option, std::string_view config_key) const {
  if (!option.empty()) return std::filesystem::absolute(option).lexically_normal();
  return config.path(config_key);
}

server::Target Context::target() const {
  return server::resolve_target(
      {config, db_url(), environment, server_program(), program, reporter});
}

server::Target Context::own_server() const {
  return server::resolve_on_own_server(
      {config, std::nullopt, environment, server_program(), program, reporter});
}

std::string Context::server_program() const {
  return (std::filesystem::path(current_executable()).parent_path() / "pgcycle-server").string();
}

unsigned Context::jobs() const {
  return options.jobs > 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
}

void Context::print(const std::string& text, Json json) const {
  if (options.json) {
    Json out{{"schema", program + "/1"}};
    std::size_t dash = program.find('-');
    if (dash != std::string::npos) out["schema"] = "pgcycle." + program.substr(dash + 1) + "/1";
    out.update(json);
    std::fputs((out.dump() + "\n").c_str(), stdout);
  } else {
    std::fputs(text.c_str(), stdout);
  }
  if (std::fflush(stdout) != 0) {
    throw Error(ErrorCode::internal, "cannot write to standard output");
  }
}

Program::Program(std::string name, std::string description, std::string examples)
    : name_(std::move(name)), app_(std::make_unique<CLI::App>(std::move(description), name_)) {
  app_->set_version_flag("--version", name_ + " " + PGCYCLE_VERSION);
  app_->formatter(std::make_shared<ExamplesFirst>(std::move(examples)));
  app_->option_defaults()->always_capture_default(false);
  app_->fallthrough();
  add_common_options(*app_, options_);
}

CLI::Option& Program::config_option(const std::string& flag, std::string& value,
                                    const std::string& config_key, const std::string& description) {
  overrides_.push_back({config_key, flag, &value});
  return *app_->add_option(flag, value, fmt::format("{} [default: {}]", description, config_key));
}

CLI::App& Program::command(const std::string& name, const std::string& description,
                           std::function<void(const Context&)> action) {
  CLI::App* sub = app_->add_subcommand(name, description);
  sub->set_help_flag("-?,--help", "Show this help and exit");
  sub->fallthrough();
  sub->callback([this, action = std::move(action)] { chosen_ = action; });
  return *sub;
}

int Program::run(int argc, char** argv) {
  try {
    try {
      app_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app_->exit(error);  // --help, --version
      throw Error(ErrorCode::usage, error.what()).hint(fmt::format("see {} --help", name_));
    }
    return execute();
  } catch (const Error& error) {
    std::fputs(format_error(name_, error).c_str(), stderr);
    return error.exit_status();
  } catch (const std::exception& error) {
    std::fputs(format_error(name_, Error(ErrorCode::internal, error.what())).c_str(), stderr);
    return 1;
  }
}

int Program::execute() {
  install_interrupt_watcher();
  const Environment environment = process_environment();
  // The library is told of it; libpq, here and in child processes, must not let it stand
  // over the server that was chosen.
  unsetenv("PGSERVICE");
  const bool terminal = isatty(STDERR_FILENO) == 1;
  TerminalReporter reporter({name_, options_.quiet, options_.verbose,
                             wants_color(options_.color, terminal), terminal,
                             debug_topics(options_.debug)});
  const Config config = options_.config_file.empty()
                            ? Config::discover(std::filesystem::current_path(), environment)
                            : Config::load(options_.config_file, environment);
  if (options_.show_config) {
    show_config(config, environment);
    return 0;
  }
  const auto& action = chosen_ ? chosen_ : default_action_;
  if (!action) {
    throw Error(ErrorCode::usage, "no command given").hint(fmt::format("see {} --help", name_));
  }
  try {
    action(Context{name_, options_, config, reporter, environment});
  } catch (const Error& error) {
    if (interrupt_requested()) throw Error(ErrorCode::interrupted, "interrupted");
    throw;
  }
  return 0;
}

// The password stays hidden.
void Program::show_db_url(const Environment& environment, Config::Shown& shown) const {
  const auto variable = environment("PGCYCLE_DB_URL");
  const bool from_variable = options_.db_url.empty() && variable && !variable->empty();
  const std::string url = from_variable ? *variable : options_.db_url;
  if (url.empty()) return;
  shown.value = postgres::ConnectionInfo::parse(url).uri();
  shown.origin = from_variable ? "PGCYCLE_DB_URL" : "--db-url";
}

void Program::show_config(const Config& config, const Environment& environment) const {
  Json settings = Json::array();
  for (Config::Shown shown : config.shown()) {
    for (const Override& option : overrides_) {
      if (option.config_key != shown.path || option.value->empty()) continue;
      shown.value = *option.value;
      shown.origin = option.flag;
    }
    if (shown.path == "database.url") show_db_url(environment, shown);
    if (options_.json) {
      settings.push_back({{"key", shown.path}, {"value", shown.value}, {"origin", shown.origin}});
    } else {
      fmt::print("{} = {}   # {}\n", shown.path, shown.value, shown.origin);
    }
  }
  if (options_.json) {
    fmt::print("{}\n", Json{{"schema", "pgcycle.config/1"}, {"settings", settings}}.dump());
  }
}

}  // namespace pgcycle::tools
