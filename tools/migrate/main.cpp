// pgcycle-migrate: "bring this database to version v0.3 and prove that it worked".
#include <fmt/format.h>

#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-migrate status           # which versions and steps are applied\n"
    "  pgcycle-migrate plan             # what `up` would do\n"
    "  pgcycle-migrate up               # apply what is pending, run the checks\n"
    "  pgcycle-migrate up --to v0.3     # … up to this version\n"
    "  pgcycle-migrate verify           # run the checks of applied versions again\n";

struct MigrateOptions {
  std::string migrations;
  std::string to;
  bool sql_only = false;
};

using Operation = migrate::MigrateReport (*)(const migrate::MigrateRequest&);

migrate::MigrateReport run(const Context& context, const MigrateOptions& options,
                           Operation operation, bool dry_run) {
  const server::Target target = context.target();
  return operation({target, context.config, context.path(options.migrations, "migrations.dir"),
                    options.to, options.sql_only, dry_run, context.environment, context.reporter});
}

std::string steps_text(const migrate::MigrateReport& report) {
  std::string out;
  for (const auto& version : report.versions) {
    out += fmt::format("{}  {}{}\n", version.version,
                       version.applied ? "applied " + version.applied_at : "not applied",
                       version.description.empty() ? "" : "  " + version.description);
    for (const auto& step : version.steps) {
      out +=
          fmt::format("  {:<40} {:<7} {:<12}", step.step, migrate::name_of(step.kind), step.state);
      if (step.state == "done") out += fmt::format(" {:>8.0f} ms", step.duration_ms);
      out += "\n";
    }
  }
  return out;
}

std::string checks_text(const migrate::MigrateReport& report) {
  std::string out;
  for (const auto& check : report.checks) {
    out += fmt::format("  {} {:<40} expected {}, got {}\n", check.passed ? "ok  " : "FAIL",
                       check.name, check.expected, check.got);
  }
  return out;
}

std::size_t passed(const migrate::MigrateReport& report) {
  std::size_t count = 0;
  for (const auto& check : report.checks) count += check.passed ? 1 : 0;
  return count;
}

Json to_json(const migrate::MigrateReport& report) {
  Json versions = Json::array();
  for (const auto& version : report.versions) {
    Json steps = Json::array();
    for (const auto& step : version.steps) {
      steps.push_back({{"step", step.step},
                       {"kind", migrate::name_of(step.kind)},
                       {"state", step.state},
                       {"duration_ms", step.duration_ms},
                       {"finished_at", step.finished_at}});
    }
    versions.push_back({{"version", version.version},
                        {"applied", version.applied},
                        {"applied_at", version.applied_at},
                        {"steps", steps}});
  }
  Json checks = Json::array();
  for (const auto& check : report.checks) {
    checks.push_back({{"check", check.name},
                      {"expected", check.expected},
                      {"got", check.got},
                      {"passed", check.passed}});
  }
  return {{"versions", versions}, {"checks", checks}, {"steps_run", report.steps_run}};
}

void up(const Context& context, const MigrateOptions& options) {
  const auto report = run(context, options, migrate::up, context.options.dry_run);
  std::string text = context.options.dry_run ? steps_text(report) : "";
  if (context.options.verbose) text += checks_text(report);
  if (!context.options.dry_run) {
    text += fmt::format("{} steps run, {} checks passed\n", report.steps_run, passed(report));
  }
  context.print(text, to_json(report));
}

void verify(const Context& context, const MigrateOptions& options) {
  const auto report = run(context, options, migrate::verify, false);
  context.print(checks_text(report) +
                    fmt::format("{} of {} checks passed\n", passed(report), report.checks.size()),
                to_json(report));
  migrate::require_passed(report.checks, "on the database as it is");
}

}  // namespace

int main(int argc, char** argv) {
  Program program("pgcycle-migrate", "versioned upgrades that prove themselves", kExamples);
  MigrateOptions options;
  program
      .config_option("--migrations", options.migrations, "migrations.dir", "Directory of versions")
      .type_name("DIR");
  program.app().add_flag("--sql-only", options.sql_only,
                         "Skip script steps; the version is then not recorded as applied");
  add_later_options(program.app(), {"--prod", "--confirm"});
  program.command("status", "Tell which versions and steps are applied",
                  [&options](const Context& context) {
                    const auto report = run(context, options, migrate::status, false);
                    context.print(steps_text(report), to_json(report));
                  });
  program.command("plan", "Tell what `up` would do", [&options](const Context& context) {
    const auto report = run(context, options, migrate::up, true);
    context.print(steps_text(report), to_json(report));
  });
  CLI::App& up_command = program.command(
      "up", "Apply what is pending", [&options](const Context& context) { up(context, options); });
  up_command.add_option("--to", options.to, "Version to stop at [default: the last]")
      ->type_name("VERSION");
  program.command("verify", "Run the checks of applied versions; exit 4 if one fails",
                  [&options](const Context& context) { verify(context, options); });
  add_later_commands(
      program, {"down", "rehearse", "backup", "rollback", "diff", "lint", "lock", "adopt", "new"});
  return program.run(argc, argv);
}
