// pgcycle-extract: "write this database as JSON fixtures that I may commit".
#include <fmt/format.h>

#include <chrono>

#include "pgcycle/anonymize/key_file.hpp"
#include "pgcycle/anonymize/plan.hpp"
#include "pgcycle/fixture/extract.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-extract                  # anonymised, by the rules of pgcycle.json\n"
    "  pgcycle-extract --dry-run        # count what would be written\n"
    "  pgcycle-extract init             # make a key for pseudonyms\n"
    "  pgcycle-extract --no-anonymize --fixtures /tmp/raw   # debugging only\n";

struct ExtractOptions {
  std::string fixtures;
  bool no_anonymize = false;
  bool compress = false;
};

Json to_json(const fixture::ExtractReport& report) {
  Json tables = Json::array();
  for (const auto& table : report.tables) {
    tables.push_back({{"table", table.table}, {"rows", table.rows}, {"bytes", table.bytes}});
  }
  Json masked = Json::array();
  for (const auto& column : report.masked) {
    masked.push_back({{"column", column.column},
                      {"rule", column.rule},
                      {"values", column.values},
                      {"shape_before", column.shape_before},
                      {"example_after", column.example_after}});
  }
  return {{"anonymized", report.anonymized}, {"tables", tables}, {"masked", masked}};
}

std::string to_text(const fixture::ExtractReport& report, const std::string& directory,
                    bool verbose, double seconds) {
  std::string out;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  for (const auto& table : report.tables) {
    rows += table.rows;
    bytes += table.bytes;
    if (verbose) out += fmt::format("  {:<40} {:>8} rows\n", table.table, table.rows);
  }
  if (verbose && !report.masked.empty()) out += "masked:\n";
  for (const auto& column : report.masked) {
    if (!verbose || column.values == 0) continue;
    out += fmt::format("  {:<38} {:<16} {:>7} values   {} → {}\n", column.column, column.rule,
                       column.values, column.shape_before, column.example_after);
  }
  return out + fmt::format("{}: {} tables, {} rows, {:.1f} MB, {} columns masked, in {:.2f} s\n",
                           directory, report.tables.size(), rows, static_cast<double>(bytes) / 1e6,
                           report.masked.size(), seconds);
}

void extract(const Context& context, const ExtractOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const std::filesystem::path directory = context.path(options.fixtures, "fixtures.dir");
  fixture::PlanMaker make_plan;
  if (options.no_anonymize) {
    context.reporter.warning(
        "--no-anonymize: values are written as they are; never commit these fixtures");
  } else {
    const auto key = anonymize::load_key(context.config);
    const auto rules = anonymize::RuleSet::from_config(context.config);
    make_plan = [key, rules](const catalog::Schema& schema,
                             const std::vector<const catalog::Table*>& tables) {
      return anonymize::make_plan(schema, tables, rules, key);
    };
  }
  const server::Target target = context.target();
  auto connection = server::open_target(target, context.reporter);
  const fixture::ExtractReport report = fixture::extract(
      {connection,
       directory,
       {context.config.strings("extract.include"), context.config.strings("extract.exclude")},
       make_plan,
       context.options.dry_run,
       context.reporter,
       options.compress,
       context.jobs(),
       target.application_name});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  context.print(
      to_text(report,
              context.options.dry_run ? "would write " + directory.string() : directory.string(),
              context.options.verbose, seconds),
      to_json(report));
}

void init(const Context& context) {
  const std::filesystem::path file = anonymize::make_key_file(context.config);
  context.print(fmt::format("made {}; keep it out of git and share it with your team safely\n",
                            file.string()),
                {{"key_file", file.string()}});
}

}  // namespace

int main(int argc, char** argv) {
  Program program("pgcycle-extract", "a database as JSON fixtures that may be committed",
                  kExamples);
  ExtractOptions options;
  program.config_option("--fixtures", options.fixtures, "fixtures.dir", "Directory to write")
      .type_name("DIR");
  program.app().add_flag("--no-anonymize", options.no_anonymize,
                         "Write values as they are; for debugging only");
  program.app().add_flag("--compress", options.compress, "Write .json.zst files");
  add_later_options(program.app(), {"--root", "--sample", "--from-dump", "--check", "--report"});
  program.command("init", "Make .pgcycle/key, the secret that pseudonyms depend on", init);
  add_later_commands(program, {"scan", "graph"});
  program.default_action([&options](const Context& context) { extract(context, options); });
  return program.run(argc, argv);
}
