// pgcycle-migrate: "bring this database to version v0.3 and prove that it worked".
#include <fmt/format.h>

#include "pgcycle/migrate/check_output.hpp"
#include "pgcycle/migrate/new_migration.hpp"
#include "pgcycle/migrate/runner.hpp"
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
};

using Operation = migrate::MigrateReport (*)(const migrate::MigrateRequest&);

migrate::MigrateReport run(const Context& context, const MigrateOptions& options,
                           Operation operation, bool dry_run) {
  const server::Target target = context.target();
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
  return operation(request);
}

void apply(const Context& context, const MigrateOptions& options, Operation operation) {
  const auto report = run(context, options, operation, context.options.dry_run);
  std::string text = context.options.dry_run ? steps_text(report) : "";
  if (context.options.verbose) text += checks_text(report.checks);
  if (!context.options.dry_run) {
    text +=
        fmt::format("{} steps run, {} checks passed\n", report.steps_run, passed(report.checks));
  }
  context.print(text, to_json(report));
}

void verify(const Context& context, const MigrateOptions& options) {
  const auto report = run(context, options, migrate::verify, false);
  std::string text;
  if (options.format == "tap") {
    text = migrate::as_tap(report.checks);
  } else if (options.format == "junit") {
    text = migrate::as_junit_xml(report.checks);
  } else {
    text = checks_text(report.checks) + fmt::format("{} of {} checks passed\n",
                                                    passed(report.checks), report.checks.size());
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

migrate::SchemaSourceContext sources(const Context& context) {
  return {context.config,      [&context] { return context.target(); },
          [&context] { return context.own_server(); },
          context.environment, context.jobs(),
          context.reporter};
}

void diff(const Context& context, const MigrateOptions& options) {
  const auto source_context = sources(context);
  const auto report = migrate::diff({options.from, options.to_schema, options.renames, options.sql,
                                     options.rows, options.samples, source_context});
  for (const std::string& what : report.not_written) {
    context.reporter.warning("no statement is written for {}", what);
  }
  context.print(options.sql ? report.sql : diff_text(report), to_json(report));
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
  command.add_flag("--rows", options.rows, "Compare numbers of rows too");
  command
      .add_option("--samples", options.samples,
                  "Show up to N keys of rows that only one of them has, for each table")
      ->type_name("N");
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
  CLI::App& up =
      program.command("up", "Apply what is pending", [&options](const Context& context) {
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
  add_run_commands(program, options);
  add_schema_commands(program, options);
  return program.run(argc, argv);
}
