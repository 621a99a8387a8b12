// The frame of every program: common options, configuration, reporter, errors
// and exit status. A program declares its own options, then hands `run` one
// function per command.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/terminal_reporter.hpp"

namespace pgcycle::tools {

using Json = nlohmann::ordered_json;

struct CommonOptions {
  std::string db_url;
  std::string config_file;
  std::string color = "auto";
  std::string debug;
  unsigned jobs = 0;  // 0: as many as there are cores
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  bool dry_run = false;
  bool yes = false;
  bool show_config = false;
};

// What a command works with.
struct Context {
  std::string program;
  const CommonOptions& options;
  const Config& config;
  TerminalReporter& reporter;
  Environment environment;

  // The URL from -d or PGCYCLE_DB_URL, if either was given.
  std::optional<std::string> db_url() const;
  // A path option, else the config's path.
  std::filesystem::path path(const std::string& option, std::string_view config_key) const;
  // The database to work on; starts the embedded server when it is on that one.
  server::Target target() const;
  // The project's own server, for work that has nothing to do with the target.
  server::Target own_server() const;
  // The pgcycle-server program beside this one.
  std::string server_program() const;
  unsigned jobs() const;

  // Prints the result: one JSON object with `schema` under --json, else `text`.
  void print(const std::string& text, Json json) const;
};

class Program {
 public:
  // `examples` opens the help text; each line is "COMMAND   # what it does".
  Program(std::string name, std::string description, std::string examples);

  CLI::App& app() { return *app_; }
  // Adds an option that stands over a key of pgcycle.json; `value` outlives this.
  CLI::Option& config_option(const std::string& flag, std::string& value,
                             const std::string& config_key, const std::string& description);
  // Adds a subcommand that runs `action`.
  CLI::App& command(const std::string& name, const std::string& description,
                    std::function<void(const Context&)> action);
  // What runs when no subcommand is given.
  void default_action(std::function<void(const Context&)> action) {
    default_action_ = std::move(action);
  }
  int run(int argc, char** argv);

 private:
  struct Override {
    std::string config_key;
    std::string flag;
    const std::string* value;
  };

  int execute();
  void show_config(const Config& config, const Environment& environment) const;
  void show_db_url(const Environment& environment, Config::Shown& shown) const;

  std::string name_;
  std::unique_ptr<CLI::App> app_;
  CommonOptions options_;
  std::vector<Override> overrides_;
  std::function<void(const Context&)> default_action_;
  std::function<void(const Context&)> chosen_;
};

}  // namespace pgcycle::tools
