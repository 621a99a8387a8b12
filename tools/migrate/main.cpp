// pgcycle-migrate: "bring this database to version v0.3 and prove that it worked".
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "pgcycle/migrate/adoption.hpp"
#include "pgcycle/migrate/check_output.hpp"
#include "pgcycle/migrate/freeze.hpp"
#include "pgcycle/migrate/lint.hpp"
#include "pgcycle/migrate/lint_rules.hpp"
#include "pgcycle/migrate/new_migration.hpp"
#include "pgcycle/migrate/production.hpp"
#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"
#include "tools/migrate/report.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-migrate status           # which versions and steps are applied\n"
    "  pgcycle-migrate plan             # what `up` would do\n"
    "  pgcycle-migrate up               # apply what is pending, run the checks\n"
    "  pgcycle-migrate up --to v0.3     # … up to this version\n"
    "  pgcycle-migrate down             # take the last version back\n"
    "  pgcycle-migrate verify           # run the checks of applied versions again\n"
    "  pgcycle-migrate new add_notes    # files for a new step\n"
    "  pgcycle-migrate rehearse         # try it on a copy: locks, times, the way back\n"
    "  pgcycle-migrate up --prod        # rehearsed, confirmed, backed up, then applied\n"
    "  pgcycle-migrate rollback         # put the last backup back\n"
    "  pgcycle-migrate diff A B --sql   # a proven migration from one schema to another\n";

struct MigrateOptions {
  std::string migrations;
  std::string to;
  bool sql_only = false;
  bool out_of_order = false;
  std::vector<std::string> accepted_changes;
  std::optional<std::size_t> steps;
  std::string checks_file;
  std::string format = "text";
  std::string name;
  std::string version;
  std::string from;
  std::string to_schema;
  std::vector<std::string> renames;
  bool sql = false;
  bool rows = false;
  std::size_t samples = 0;
  bool production = false;
  std::string confirm;
  std::string unrehearsed;
  std::string dump;
  std::string backup;
  std::string since;
  std::string explain;
  bool strict = false;
  bool check = false;
};

using Operation = migrate::MigrateReport (*)(const migrate::MigrateRequest&);

server::Target target_of(const Context& context, const MigrateOptions& options) {
  return options.production ? server::production_target(context.config, "pgcycle-migrate")
                            : context.target();
}

migrate::MigrateRequest request_for(const Context& context, const MigrateOptions& options,
                                    const server::Target& target, bool dry_run) {
  migrate::MigrateRequest request{target,
                                  context.config,
                                  context.path(options.migrations, "migrations.dir"),
                                  options.to,
                                  options.sql_only,
                                  dry_run,
                                  context.environment,
                                  context.reporter};
  request.steps = options.steps;
  request.out_of_order = options.out_of_order;
  request.accepted_changes = options.accepted_changes;
  request.checks_file = options.checks_file;
  request.guarded = !options.production;
  return request;
}

migrate::MigrateReport run(const Context& context, const MigrateOptions& options,
                           Operation operation, bool dry_run) {
  const server::Target target = target_of(context, options);
  return operation(request_for(context, options, target, dry_run));
}

migrate::SchemaSourceContext sources(const Context& context) {
  return {context.config,
          [&context] { return context.target(); },
          [&context] { return context.own_server(); },
          context.environment,
          context.jobs(),
          context.reporter};
}

// What a person types; nothing where there is nobody to ask.
std::optional<std::string> ask(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0) return std::nullopt;
  std::cerr << question << std::flush;
  std::string answer;
  if (!std::getline(std::cin, answer)) return std::nullopt;
  return answer;
}

std::optional<std::string> confirmed(const MigrateOptions& options) {
  return options.confirm.empty() ? std::nullopt : std::optional(options.confirm);
}

std::filesystem::path rehearsals_of(const Context& context) {
  return context.config.directory() / ".pgcycle" / "rehearsals";
}

migrate::BackupRequest backup_request(const Context& context, const server::Target& target,
                                      const migrate::SchemaSourceContext& source_context) {
  return {target, context.config.path("backup.dir"),
          static_cast<std::size_t>(context.config.count("backup.keep")), source_context};
}

void print_steps_run(const Context& context, const migrate::MigrateReport& report) {
  std::string text = context.options.dry_run ? steps_text(report) : "";
  if (context.options.verbose) text += checks_text(report.checks);
  if (!context.options.dry_run) {
    text +=
        fmt::format("{} steps run, {} checks passed\n", report.steps_run, passed(report.checks));
  }
  context.print(text, context.options.json ? to_json(report) : Json());
}

void up_production(const Context& context, const MigrateOptions& options) {
  const server::Target target = target_of(context, options);
  const auto source_context = sources(context);
  const auto show_plan = [&context](const std::vector<migrate::Version>& pending) {
    for (const auto& version : pending) {
      for (const auto& step : version.steps) {
        context.reporter.notice("to run: {} {} ({})", version.name, step.name,
                                migrate::name_of(step.kind));
      }
    }
  };
  const auto report = migrate::migrate_production(
      {request_for(context, options, target, false), rehearsals_of(context), options.unrehearsed,
       confirmed(options), ask, show_plan, backup_request(context, target, source_context)});
  if (report.backup) {
    context.reporter.notice("the way back: pgcycle-migrate rollback --prod --backup {}",
                            report.backup->directory.string());
  }
  print_steps_run(context, report.migration);
}

void apply(const Context& context, const MigrateOptions& options, Operation operation) {
  if (options.production && !context.options.dry_run) {
    if (operation == &migrate::up) {
      up_production(context, options);
      return;
    }
    migrate::require_name(target_of(context, options), "take production back", confirmed(options),
                          ask);
  }
  print_steps_run(context, run(context, options, operation, context.options.dry_run));
}

void rehearse(const Context& context, const MigrateOptions& options) {
  const server::Target target =
      options.dump.empty() ? target_of(context, options) : context.own_server();
  const auto source_context = sources(context);
  const auto report =
      migrate::rehearse({request_for(context, options, target, false), source_context, options.dump,
                         rehearsals_of(context), options.production});
  context.print(rehearsal_text(report, context.options.verbose), to_json(report));
}

void back_up(const Context& context, const MigrateOptions& options) {
  const server::Target target = target_of(context, options);
  const auto source_context = sources(context);
  const auto report = migrate::back_up(backup_request(context, target, source_context));
  context.print(backup_text(report), to_json(report));
}

void roll_back(const Context& context, const MigrateOptions& options) {
  const server::Target target = target_of(context, options);
  if (!options.production) {
    auto maintenance = server::open_maintenance(target, context.reporter);
    server::require_test_database(maintenance, target, context.config, context.reporter,
                                  "roll the database back");
  }
  migrate::require_name(target, "roll back", confirmed(options), ask);
  const auto source_context = sources(context);
  const auto report = migrate::roll_back({target, context.config.path("backup.dir"), options.backup,
                                          options.production, source_context});
  if (!report.old_database.empty()) {
    context.reporter.notice("what was there before is now the database \"{}\"",
                            report.old_database);
  }
  context.print(fmt::format("rolled back to {}: {} tables, {} rows in {:.1f} s\n",
                            report.backup.string(), report.tables, report.rows, report.seconds),
                {{"backup", report.backup.string()},
                 {"old_database", report.old_database},
                 {"tables", report.tables},
                 {"rows", report.rows},
                 {"seconds", report.seconds}});
}

void verify(const Context& context, const MigrateOptions& options) {
  const auto report = run(context, options, migrate::verify, false);
  std::string text;
  if (options.format == "tap") {
    text = migrate::as_tap(report.checks);
  } else if (options.format == "junit") {
    text = migrate::as_junit_xml(report.checks);
  } else {
    text = checks_text(report.checks) +
           fmt::format("{} of {} checks passed\n", passed(report.checks), report.checks.size());
  }
  context.print(text, to_json(report));
  migrate::require_passed(report.checks, "on the database as it is");
}

void make_new(const Context& context, const MigrateOptions& options) {
  const auto files = migrate::new_migration(
      {context.path(options.migrations, "migrations.dir"), options.name, options.version});
  std::string text;
  Json paths = Json::array();
  for (const auto& file : files) {
    text += file.string() + "\n";
    paths.push_back(file.string());
  }
  context.print(text, {{"files", paths}});
}

void diff(const Context& context, const MigrateOptions& options) {
  const auto source_context = sources(context);
  const auto report = migrate::diff({options.from, options.to_schema, options.renames, options.sql,
                                     options.rows, options.samples, source_context});
  for (const std::string& what : report.not_written) {
    context.reporter.warning("no statement is written for {}", what);
  }
  context.print(options.sql ? report.sql : diff_text(report), to_json(report));
  if (report.unproven) throw Error(*report.unproven);
}

std::string today() { return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr))); }

void explain_rule(const Context& context, const std::string& name) {
  const migrate::LintRule* rule = migrate::find_lint_rule(name);
  if (rule == nullptr) {
    std::vector<std::string> known;
    for (const auto& one : migrate::lint_rules()) known.emplace_back(one.name);
    throw Error(ErrorCode::usage, fmt::format("there is no rule {}", name))
        .hint(did_you_mean(name, known, fmt::format("the rules are {}", fmt::join(known, ", "))));
  }
  context.print(fmt::format("{}\n\n{}\n\nInstead: {}\n\nfound:\n{}\n\nnot found:\n{}\n", rule->name,
                            rule->why, rule->instead, rule->bad, rule->good),
                {{"rule", rule->name}, {"why", rule->why}, {"instead", rule->instead}});
}

void lint(const Context& context, const MigrateOptions& options) {
  if (!options.explain.empty()) {
    explain_rule(context, options.explain);
    return;
  }
  const auto findings = migrate::lint({context.path(options.migrations, "migrations.dir"),
                                       options.since, today(), rehearsals_of(context)});
  std::string text;
  Json json = Json::array();
  std::size_t errors = 0;
  for (const auto& finding : findings) {
    const bool fails = finding.is_error || options.strict;
    errors += fails ? 1 : 0;
    text += fmt::format("{}: {}: {} [{}]\n  instead: {}\n", to_string(finding.place),
                        finding.is_error ? "error" : "warning", finding.message, finding.rule,
                        finding.instead);
    json.push_back({{"rule", finding.rule},
                    {"message", finding.message},
                    {"instead", finding.instead},
                    {"at", to_string(finding.place)},
                    {"error", finding.is_error}});
  }
  text += fmt::format("{} findings, {} of them errors\n", findings.size(), errors);
  context.print(text, {{"findings", json}, {"errors", errors}});
  if (errors == 0) return;
  throw Error(ErrorCode::check, fmt::format("lint found {} errors", errors))
      .hint("mend them, or allow them with a reason and a date; lint --explain RULE tells more");
}

void lock(const Context& context, const MigrateOptions& options) {
  const server::Target target = target_of(context, options);
  auto connection = server::open_target(target, context.reporter);
  const migrate::FreezeRequest request{connection, context.config.path("lock.file"),
                                       context.config.strings("lock.objects"),
                                       context.config.strings("lock.probes")};
  if (!options.check) {
    const std::size_t objects = migrate::freeze(request);
    context.print(fmt::format("{} objects frozen in {}\n", objects, request.file.string()),
                  {{"objects", objects}, {"file", request.file.string()}});
    return;
  }
  const auto broken = migrate::check_freeze(request);
  std::string text;
  Json json = Json::array();
  for (const auto& one : broken) {
    text += fmt::format("{}: {}\n", one.object, one.what);
    json.push_back({{"object", one.object}, {"what", one.what}});
  }
  if (broken.empty()) text = "all promises are kept\n";
  context.print(text, {{"broken", json}});
  if (broken.empty()) return;
  throw Error(ErrorCode::check,
              fmt::format("{} promises of the schema lock are broken", broken.size()))
      .at(request.file.string())
      .hint(
          "mend the migration; or, if all who rely on it know, freeze anew with pgcycle-migrate "
          "lock");
}

void adopt(const Context& context, const MigrateOptions& options) {
  const server::Target target = target_of(context, options);
  if (options.production && !context.options.dry_run) {
    migrate::require_name(target, "take over the history of production", confirmed(options), ask);
  }
  const auto source_context = sources(context);
  const auto report = migrate::adopt(
      {request_for(context, options, target, context.options.dry_run), source_context, options.to});
  context.print(
      fmt::format("{} of {}: {} versions {}\n", report.table, report.tool, report.versions.size(),
                  context.options.dry_run ? "would be stamped" : "stamped"),
      {{"tool", report.tool}, {"table", report.table}, {"versions", report.versions}});
}

void add_schema_commands(Program& program, MigrateOptions& options) {
  CLI::App& command = program.command(
      "diff", "Tell what differs between two databases, dumps or folders of migrations",
      [&options](const Context& context) { diff(context, options); });
  command.add_option("A", options.from, "URL, name, dump or DIR[@VERSION]")->required();
  command.add_option("B", options.to_schema, "The same, of what A is to become")->required();
  command.add_flag("--sql", options.sql,
                   "Write a migration from A to B, proven on a copy of A's schema");
  command
      .add_option("--rename", options.renames,
                  "SCHEMA.TABLE[.COLUMN]=NAME, not one dropped and one made")
      ->type_name("A=B");
  CLI::App& lint_command =
      program.command("lint", "Find dangers in migrations; exit 4 if there is an error",
                      [&options](const Context& context) { lint(context, options); });
  lint_command.add_option("--since", options.since, "Only what comes behind this version")
      ->type_name("VERSION");
  lint_command.add_flag("--strict", options.strict, "Warnings fail too");
  lint_command.add_option("--explain", options.explain, "Tell about a rule")->type_name("RULE");
  CLI::App& lock_command =
      program.command("lock", "Freeze the shape that others rely on in schema.lock.json",
                      [&options](const Context& context) { lock(context, options); });
  lock_command.add_flag("--check", options.check,
                        "Hold the database against it; exit 4 if it fails");
  CLI::App& adopt_command = program.command(
      "adopt", "Take over the history of another migration tool, once the schema is proven",
      [&options](const Context& context) { adopt(context, options); });
  adopt_command.add_option("--to", options.to, "Version that the database is at")
      ->type_name("VERSION");
  command.add_flag("--rows", options.rows, "Compare numbers of rows too");
  command
      .add_option("--samples", options.samples,
                  "Show up to N keys of rows that only one of them has, for each table")
      ->type_name("N");
}

void add_safety_commands(Program& program, MigrateOptions& options) {
  CLI::App& rehearse_command = program.command(
      "rehearse", "Try what is pending on a copy: up, checks, down, up again, with locks and times",
      [&options](const Context& context) { rehearse(context, options); });
  rehearse_command.add_option("--to", options.to, "Version to stop at [default: the last]")
      ->type_name("VERSION");
  rehearse_command
      .add_option("--from-dump", options.dump, "Restore this dump, in place of copying the target")
      ->type_name("FILE");
  program.command("backup", "Dump the database and prove the dump by restoring it aside",
                  [&options](const Context& context) { back_up(context, options); });
  CLI::App& rollback = program.command(
      "rollback", "Restore a proven backup aside and rename it in; asks for the database's name",
      [&options](const Context& context) { roll_back(context, options); });
  rollback.add_option("--backup", options.backup, "The backup [default: the newest]")
      ->type_name("DIR");
}

void add_run_commands(Program& program, MigrateOptions& options) {
  program.command("status", "Tell which versions and steps are applied",
                  [&options](const Context& context) {
                    const auto report = run(context, options, migrate::status, false);
                    context.print(steps_text(report), to_json(report));
                  });
  CLI::App& plan =
      program.command("plan", "Tell what `up` would do", [&options](const Context& context) {
        const auto report = run(context, options, migrate::up, true);
        context.print(steps_text(report), to_json(report));
      });
  CLI::App& up = program.command("up", "Apply what is pending", [&options](const Context& context) {
    apply(context, options, migrate::up);
  });
  for (CLI::App* command : {&plan, &up}) {
    command->add_option("--to", options.to, "Version to stop at [default: the last]")
        ->type_name("VERSION");
    command->add_flag("--out-of-order", options.out_of_order,
                      "Apply versions and steps that came in below applied ones");
    command
        ->add_option("--accept-changed", options.accepted_changes,
                     "Applied step whose file may have changed; its checksum is taken anew")
        ->type_name("STEP");
  }
  up.add_option("--unrehearsed", options.unrehearsed,
                "Name of the production database that is migrated without a rehearsal")
      ->type_name("NAME");
  CLI::App& down = program.command(
      "down", "Take back the last version, by its .down.sql files in reverse order",
      [&options](const Context& context) { apply(context, options, migrate::down); });
  auto* to = down.add_option("--to", options.to, "Version that stays as the last; 0 for none")
                 ->type_name("VERSION");
  down.add_option("--steps", options.steps, "How many steps to take back")
      ->type_name("N")
      ->excludes(to);
  CLI::App& verify_command =
      program.command("verify", "Run the checks of applied versions; exit 4 if one fails",
                      [&options](const Context& context) { verify(context, options); });
  verify_command.add_option("--checks", options.checks_file, "Run the checks of this file instead")
      ->type_name("FILE");
  verify_command.add_option("--format", options.format, "Form of the results")
      ->check(CLI::IsMember({"text", "tap", "junit"}))
      ->type_name("text|tap|junit");
  CLI::App& new_command =
      program.command("new", "Make the files of a new migration, in the folder's own form",
                      [&options](const Context& context) { make_new(context, options); });
  new_command.add_option("NAME", options.name, "What it does")->required();
  new_command.add_option("--in", options.version, "Folder it goes to [default: the last]")
      ->type_name("VERSION");
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
  program.app().add_flag("--prod", options.production,
                         "Work on production.url; `up` then asks for a rehearsal and the "
                         "database's name, and takes a backup first");
  program.app()
      .add_option("--confirm", options.confirm, "The database's name, where nobody can type it")
      ->type_name("NAME");
  add_run_commands(program, options);
  add_safety_commands(program, options);
  add_schema_commands(program, options);
  return program.run(argc, argv);
}
