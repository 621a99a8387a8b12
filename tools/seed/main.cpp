// pgcycle-seed: "load fixtures and golden records, so that my tests can run".
#include <fmt/format.h>

#include <chrono>

#include "pgcycle/load/seed.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-seed                      # fixtures and every golden file\n"
    "  pgcycle-seed --scenario demo      # golden/demo.json and what it extends\n"
    "  pgcycle-seed --dry-run            # check everything, change nothing\n";

struct SeedOptions {
  std::string fixtures;
  std::string golden;
  std::string scenario;
};

void seed(const Context& context, const SeedOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const server::Target target = context.target();
  const load::SeedReport report =
      load::seed({target, context.config, context.path(options.fixtures, "fixtures.dir"),
                  context.path(options.golden, "golden.dir"), options.scenario,
                  context.options.dry_run, context.reporter});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::string text;
  std::uint64_t rows = 0;
  Json tables = Json::array();
  for (const auto& table : report.tables) {
    rows += table.rows;
    tables.push_back({{"table", table.table}, {"rows", table.rows}});
    if (context.options.verbose)
      text += fmt::format("  {:<40} {:>8} rows\n", table.table, table.rows);
  }
  text += fmt::format(
      "{} {}: {} tables, {} rows, golden {} new, {} changed, {} removed; {} foreign keys proven, "
      "{} sequences set, {} views refreshed, in {:.2f} s\n",
      context.options.dry_run ? "would seed" : "seeded", target.database(), report.tables.size(),
      rows, report.golden_inserted, report.golden_changed, report.golden_removed,
      report.foreign_keys_proven, report.sequences_set, report.views_refreshed, seconds);
  context.print(text, {{"database", target.database()},
                       {"url", target.info.uri()},
                       {"tables", tables},
                       {"rows", rows},
                       {"golden",
                        {{"inserted", report.golden_inserted},
                         {"changed", report.golden_changed},
                         {"removed", report.golden_removed}}},
                       {"foreign_keys_proven", report.foreign_keys_proven},
                       {"dry_run", context.options.dry_run},
                       {"seconds", seconds}});
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
  add_later_options(program.app(),
                    {"--clones", "--force", "--adapt", "--fire-triggers", "--explain"});
  add_later_commands(program, {"init", "check"});
  program.default_action([&options](const Context& context) { seed(context, options); });
  return program.run(argc, argv);
}
