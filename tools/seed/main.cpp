// pgcycle-seed: "load fixtures and golden records, so that my tests can run".
#include <fmt/format.h>

#include <chrono>

#include "pgcycle/dump/reset.hpp"
#include "pgcycle/fixture/golden_skeleton.hpp"
#include "pgcycle/fixture/manifest.hpp"
#include "pgcycle/load/explain.hpp"
#include "pgcycle/load/seed.hpp"
#include "pgcycle/server/layout.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/file.hpp"
#include "tools/common/json_lines.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-seed                      # fixtures and every golden file; only what has changed\n"
    "  pgcycle-seed --scenario demo      # golden/demo.json and what it extends\n"
    "  pgcycle-seed --clones 4           # then NAME_1 to NAME_4, one for each worker\n"
    "  pgcycle-seed --explain            # which file gives which value\n"
    "  pgcycle-seed --session            # before each test, in a millisecond\n"
    "  pgcycle-seed check                # in CI: fixtures and records fit the schema\n"
    "  pgcycle-seed init public.users    # a golden file to begin with\n";

struct SeedOptions {
  std::string fixtures;
  std::string golden;
  std::string scenario;
  unsigned clones = 0;
  bool force = false;
  bool adapt = false;
  bool fire_triggers = false;
  bool explain = false;
  bool no_single_transaction = false;
  bool session = false;
  std::vector<std::string> tables;
};

load::SeedInput input_of(const Context& context, const SeedOptions& options) {
  return {context.path(options.fixtures, "fixtures.dir"),
          context.path(options.golden, "golden.dir"), options.scenario, options.adapt};
}

void explain(const Context& context, const SeedOptions& options) {
  auto connection = server::open_target(context.target(), context.reporter);
  const auto plan = load::make_seed_plan(connection, input_of(context, options));
  Json rows = Json::array();
  load::explain(*plan, [&](const load::ExplainedRow& row) {
    if (context.options.json) {
      Json values = Json::object();
      for (const auto& value : row.values) {
        values[value.column] = {{"from", value.from}, {"place", to_string(value.place)}};
      }
      rows.push_back({{"table", row.table},
                      {"key", row.key},
                      {"new", row.is_new},
                      {"place", to_string(row.place)},
                      {"values", values}});
      return;
    }
    fmt::print("{}{}  {}{}\n", row.table, row.key.empty() ? "" : fmt::format(" ({})", row.key),
               to_string(row.place), row.is_new ? "  new" : "");
    for (const auto& value : row.values) {
      fmt::print("    {:<24} {:<9} {}\n", value.column, value.from,
                 value.from == "allotted" || value.from == "default" ? "" : to_string(value.place));
    }
  });
  if (context.options.json) context.print({}, {{"rows", rows}});
}

Json make_clones(const Context& context, const SeedOptions& options, const server::Target& target,
                 std::string& text) {
  const dump::ResetRequest request{.target = target,
                                   .config = context.config,
                                   .template_database = target.database(),
                                   .clones = options.clones,
                                   .jobs = context.jobs(),
                                   .environment = context.environment,
                                   .reporter = context.reporter};
  Json databases = Json::array();
  for (const dump::ResetDatabase& database : dump::reset(request).databases) {
    databases.push_back({{"database", database.info.database()}, {"url", database.info.uri()}});
    text += database.info.uri() + "\n";
  }
  return databases;
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

load::SeedRequest request_for(const Context& context, const SeedOptions& options,
                              const server::Target& target) {
  load::SeedRequest request{target, context.config, input_of(context, options), context.reporter};
  request.dry_run = context.options.dry_run;
  request.force = options.force;
  request.fire_triggers = options.fire_triggers;
  request.single_transaction = !options.no_single_transaction;
  request.jobs = context.jobs();
  if (context.config.has_file()) {
    request.memory_directory =
        server::layout_for(context.config.directory()).state_directory / "seeds";
  }
  return request;
}

std::uint64_t rows_of(const load::SeedReport& report) {
  std::uint64_t rows = 0;
  for (const auto& table : report.tables) rows += table.rows;
  return rows;
}

Json to_json(const load::SeedReport& report) {
  Json tables = Json::array();
  for (const auto& table : report.tables) {
    tables.push_back({{"table", table.table}, {"rows", table.rows}});
  }
  return {{"tables", tables},
          {"tables_unchanged", report.tables_unchanged},
          {"rows", rows_of(report)},
          {"golden",
           {{"inserted", report.golden_inserted},
            {"changed", report.golden_changed},
            {"removed", report.golden_removed}}},
          {"foreign_keys_proven", report.foreign_keys_proven},
          {"adaptations", report.adaptations}};
}

void answer(load::Seeder& seeder, const Json& request, Json& reply) {
  const std::string op = request.value("op", "");
  if (op != "seed") {
    throw Error(ErrorCode::usage, "unknown op \"" + op + "\"").hint("the op is seed");
  }
  const auto start = Clock::now();
  reply.update(to_json(seeder.run(request.value("force", false))));
  reply["seconds"] = seconds_since(start);
}

// `pgcycle-seed --session`: the protocol is described in docs/seed-session.md.
void serve(const Context& context, const SeedOptions& options) {
  const server::Target target = context.target();
  load::Seeder seeder(request_for(context, options, target));
  serve_json_lines(
      {{"schema", "pgcycle.seed-session/1"},
       {"ready", true},
       {"database", target.database()},
       {"url", target.info.uri()}},
      [&seeder](const Json& request, Json& reply) { answer(seeder, request, reply); },
      [&seeder] { seeder.settle(); });
}

void seed(const Context& context, const SeedOptions& options) {
  if (options.explain) return explain(context, options);
  if (options.session) return serve(context, options);
  const auto start = Clock::now();
  const server::Target target = context.target();
  const load::SeedRequest request = request_for(context, options, target);
  const load::SeedReport report = load::seed(request);
  std::string text;
  if (context.options.verbose) {
    for (const auto& table : report.tables) {
      text += fmt::format("  {:<40} {:>8} rows\n", table.table, table.rows);
    }
  }
  for (const std::string& sentence : report.adaptations) {
    context.reporter.notice("adapted: {}", sentence);
  }
  const double seconds = seconds_since(start);
  if (report.tables.empty() && report.tables_unchanged > 0) {
    text += fmt::format("{} is as seeded: {} tables unchanged, {} sequences set, in {:.3f} s\n",
                        target.database(), report.tables_unchanged, report.sequences_set, seconds);
  } else {
    text += fmt::format(
        "{} {}: {} tables, {} rows, golden {} new, {} changed, {} removed; {} foreign keys proven, "
        "{} sequences set, {} views refreshed{}, in {:.2f} s\n",
        context.options.dry_run ? "would seed" : "seeded", target.database(), report.tables.size(),
        rows_of(report), report.golden_inserted, report.golden_changed, report.golden_removed,
        report.foreign_keys_proven, report.sequences_set, report.views_refreshed,
        report.tables_unchanged == 0
            ? ""
            : fmt::format("; {} tables unchanged", report.tables_unchanged),
        seconds);
  }
  Json json = to_json(report);
  json["database"] = target.database();
  json["url"] = target.info.uri();
  json["dry_run"] = context.options.dry_run;
  if (options.clones > 0 && !request.dry_run) {
    json["clones"] = make_clones(context, options, target, text);
  }
  json["seconds"] = seconds;
  context.print(text, json);
}

// Everything that can be wrong without loading; nothing is written.
void check(const Context& context, const SeedOptions& options) {
  auto connection = server::open_target(context.target(), context.reporter);
  std::uint64_t rows = 0;
  std::size_t tables = 0;
  try {
    const auto plan = load::make_seed_plan(connection, input_of(context, options));
    load::check_golden_values(connection, *plan);
    ErrorList errors;
    for (const load::RowSource& source : plan->sources) {
      try {
        source.for_each([&rows](const fixture::Row&) {
          ++rows;
          return true;
        });
      } catch (const Error& error) {
        errors.add(error);
      }
    }
    errors.raise_if_any();
    tables = plan->sources.size();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::input) throw;
    throw error.with_code(ErrorCode::check);
  }
  context.print(
      fmt::format("fixtures and golden records fit the schema: {} tables, {} rows\n", tables, rows),
      {{"tables", tables}, {"rows", rows}});
}

void init(const Context& context, const SeedOptions& options) {
  auto connection = server::open_target(context.target(), context.reporter);
  const catalog::Schema schema = catalog::load_schema(connection);
  std::vector<const catalog::Table*> tables;
  for (const std::string& name : options.tables) {
    tables.push_back(&schema.require_table(postgres::QualifiedName::parse(name)));
  }
  const std::filesystem::path directory = context.path(options.golden, "golden.dir");
  const catalog::QualifiedName& first = tables.front()->name;
  std::string name = fixture::fixture_file_name(first);  // "public/users.json"
  name.replace(name.find('/'), 1, ".");
  if (first.schema == "public") name.erase(0, name.find('.') + 1);
  const std::filesystem::path file = directory / name;
  if (std::filesystem::exists(file)) {
    throw Error(ErrorCode::usage, fmt::format("{} is there already", file.string()))
        .hint("rename it first, or add the records to it by hand");
  }
  const std::string text = fixture::golden_skeleton(schema, tables);
  if (!context.options.dry_run) {
    std::filesystem::create_directories(directory);
    write_file_atomically(file, text);
  }
  context.print(
      context.options.dry_run
          ? text
          : fmt::format("wrote {}: fill in the values, then run pgcycle-seed\n", file.string()),
      {{"file", file.string()}, {"dry_run", context.options.dry_run}});
}

}  // namespace

int main(int argc, char** argv) {
  Program program("pgcycle-seed", "fixtures and golden records into the database", kExamples);
  SeedOptions options;
  program.config_option("--fixtures", options.fixtures, "fixtures.dir", "Directory of fixtures")
      .type_name("DIR");
  program.config_option("--golden", options.golden, "golden.dir", "Directory of golden records")
      .type_name("DIR");
  program.app()
      .add_option("--scenario", options.scenario,
                  "Golden file to load, without .json [default: all]")
      ->type_name("NAME");
  program.app()
      .add_option("--clones", options.clones,
                  "Then make NAME_1 to NAME_N, copies for each of N workers")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  program.app().add_flag("--force", options.force,
                         "Load everything, even where nothing has changed since the last seed");
  program.app().add_flag("--adapt", options.adapt,
                         "Take fixtures that are older than the schema: fill in new columns, leave "
                         "out what is gone");
  program.app().add_flag("--fire-triggers", options.fire_triggers,
                         "Let users' triggers see the rows");
  program.app()
      .add_flag("--no-single-transaction", options.no_single_transaction,
                "Load into a copy of the database, by -j sessions, and rename it in")
      ->excludes("--fire-triggers");
  program.app().add_flag("--explain", options.explain,
                         "Print which file gives which value; load nothing");
  program.app()
      .add_flag(
          "--session", options.session,
          "Seed again and again for a test runner, as JSON Lines on standard input and output")
      ->excludes("--clones", "--explain", "--no-single-transaction", "--dry-run");
  program.command("check",
                  "Hold fixtures and golden records against the schema; 4 if they do not fit",
                  [&options](const Context& context) { check(context, options); });
  program
      .command("init", "Write a golden file for tables, with the columns that they need",
               [&options](const Context& context) { init(context, options); })
      .add_option("table", options.tables, "Tables, such as public.users")
      ->required()
      ->type_name("TABLE");
  program.default_action([&options](const Context& context) { seed(context, options); });
  return program.run(argc, argv);
}
