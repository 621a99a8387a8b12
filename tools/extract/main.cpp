// pgcycle-extract: "write this database as JSON fixtures that I may commit".
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "pgcycle/anonymize/key_file.hpp"
#include "pgcycle/anonymize/masked_restore.hpp"
#include "pgcycle/anonymize/plan.hpp"
#include "pgcycle/anonymize/scan.hpp"
#include "pgcycle/catalog/graph_text.hpp"
#include "pgcycle/config/config_edit.hpp"
#include "pgcycle/dump/scratch_database.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/fixture/drift.hpp"
#include "pgcycle/fixture/extract.hpp"
#include "pgcycle/fixture/report.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/file.hpp"
#include "tools/common/masking.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-extract                  # anonymised, by the rules of pgcycle.json\n"
    "  pgcycle-extract --dry-run        # count what would be written\n"
    "  pgcycle-extract --check          # are the fixtures still of this schema? for CI\n"
    "  pgcycle-extract --root 'public.students where grade = 5 limit 20'   # a small world\n"
    "  pgcycle-extract graph --format svg >keys.svg   # foreign keys, load order, cycles\n"
    "  pgcycle-extract --from-dump prod.dump --sample 5%   # from a dump, with no database at "
    "hand\n"
    "  pgcycle-extract init             # make a key for pseudonyms\n"
    "  pgcycle-extract scan --write     # find personal data and write rules for it\n"
    "  pgcycle-extract --no-anonymize --fixtures /tmp/raw   # debugging only\n";

struct ExtractOptions {
  std::string fixtures;
  bool no_anonymize = false;
  std::string dump;
  bool compress = false;
  bool check = false;
  bool write = false;
  bool all_rows = false;
  std::string report;
  std::string graph_form = "dot";
  std::vector<std::string> roots;
  double sample = 0;
};

fixture::SubsetRules subset_of(const Context& context, const ExtractOptions& options) {
  const Config& config = context.config;
  fixture::SubsetRules rules;
  // What is asked for on the command line stands in place of the config's roots.
  rules.roots = options.roots;
  rules.sample_percent = options.sample;
  if (options.roots.empty() && options.sample == 0) rules.roots = config.strings("extract.roots");
  rules.where = config.strings("extract.where");
  rules.children = config.strings("extract.children");
  rules.cut = config.strings("extract.cut");
  rules.references = config.strings("extract.references");
  rules.max_children_per_row = config.count("extract.maxChildrenPerRow");
  rules.max_rows = config.count("extract.maxRows");
  return rules;
}

// "1%" or "0.5"; percent either way.
double parse_percent(const std::string& text) {
  std::size_t end = 0;
  double percent = 0;
  try {
    percent = std::stod(text, &end);
  } catch (const std::exception&) {
    end = std::string::npos;
  }
  if ((end != text.size() && text.substr(std::min(end, text.size())) != "%") || !(percent > 0) ||
      percent > 100) {
    throw Error(ErrorCode::usage, fmt::format("\"{}\" is no percentage", text))
        .hint("a number above 0 and up to 100, such as 1%");
  }
  return percent;
}

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

fixture::PlanMaker plan_maker(const Context& context) {
  return [settings = masking_settings(context)](const catalog::Schema& schema,
                                                const std::vector<const catalog::Table*>& tables) {
    return anonymize::make_plan(schema, tables, settings.rules, settings.key);
  };
}

// For the rows of a dump, which were masked on their way here.
fixture::PlanMaker applied_plan_maker(const Context& context) {
  return [settings = masking_settings(context)](const catalog::Schema& schema,
                                                const std::vector<const catalog::Table*>& tables) {
    return anonymize::make_plan(schema, tables, settings.rules, settings.key,
                                anonymize::IdleRules::left_alone)
        .applied();
  };
}

fixture::TableSelection tables_of(const Context& context) {
  return {context.config.strings("extract.include"), context.config.strings("extract.exclude")};
}

void check(const Context& context, const std::filesystem::path& directory) {
  const server::Target target = context.target();
  auto connection = server::open_target(target, context.reporter);
  const std::vector<std::string> drift =
      fixture::find_drift({connection, directory, tables_of(context), plan_maker(context)});
  std::string text;
  for (const std::string& line : drift) text += line + "\n";
  if (drift.empty()) text = fmt::format("{}: of this schema and these rules\n", directory.string());
  context.print(text, {{"drift", drift}});
  if (drift.empty()) return;
  throw Error(ErrorCode::check, fmt::format("{} drifted in {} way{}", directory.string(),
                                            drift.size(), drift.size() == 1 ? "" : "s"))
      .hint("extract again, review the change and commit it");
}

// The target, or a dump that is restored for the time being on the project's own server; `leaks`
// takes what the leak proof found on the way.
fixture::ExtractReport with_source(
    const Context& context, const ExtractOptions& options,
    const std::shared_ptr<anonymize::LeakReport>& leaks,
    const std::function<fixture::ExtractReport(const server::Target&)>& work) {
  if (options.dump.empty()) return work(context.target());
  std::optional<dump::SpooledInput> input;
  // Masked on its way: the database that it is restored to holds no original.
  std::optional<dump::RowMasking> masking;
  if (!options.no_anonymize) {
    anonymize::MaskingSettings settings = masking_settings(context);
    settings.report = leaks;
    masking = anonymize::row_masking(settings);
  }
  if (options.dump == "-") {
    input.emplace(STDIN_FILENO, context.environment,
                  masking ? dump::SpoolPlace::memory : dump::SpoolPlace::disk);
  }
  const dump::DumpFile dump =
      input ? input->dump() : dump::inspect_dump(std::filesystem::absolute(options.dump));
  const server::Target own = context.own_server();
  const dump::ResetRequest request{.target = own,
                                   .config = context.config,
                                   .dump = &dump,
                                   .template_database = {},
                                   .jobs = context.jobs(),
                                   .masking = masking ? &*masking : nullptr,
                                   .environment = context.environment,
                                   .reporter = context.reporter};
  const dump::ScratchDatabase restored(request);
  return work(restored.target());
}

void extract(const Context& context, const ExtractOptions& options) {
  if (options.check) return check(context, context.path(options.fixtures, "fixtures.dir"));
  const auto start = std::chrono::steady_clock::now();
  const std::filesystem::path directory = context.path(options.fixtures, "fixtures.dir");
  fixture::PlanMaker make_plan;
  if (options.no_anonymize) {
    context.reporter.warning(
        "--no-anonymize: values are written as they are; never commit these fixtures");
  } else {
    make_plan = options.dump.empty() ? plan_maker(context) : applied_plan_maker(context);
  }
  const std::filesystem::path report_file = context.path(options.report, "anonymize.report");
  // A dump is proven while it is restored.
  const bool leak_proof =
      options.dump.empty() && context.config.text("anonymize.leakProof") != "off";
  const auto leaks_of_dump = std::make_shared<anonymize::LeakReport>();
  fixture::ExtractReport report =
      with_source(context, options, leaks_of_dump, [&](const server::Target& source) {
        auto connection = server::open_target(source, context.reporter);
        return fixture::extract({connection, directory, tables_of(context), make_plan,
                                 context.options.dry_run, context.reporter,
                                 subset_of(context, options), options.compress, context.jobs(),
                                 source.application_name, !report_file.empty(), leak_proof,
                                 context.config.strings("anonymize.words"),
                                 dump::spool_directory(context.environment)});
      });
  if (!options.dump.empty()) report.leaks = *leaks_of_dump;
  if (!report_file.empty() && !context.options.dry_run) fixture::write_report(report, report_file);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  context.print(
      to_text(report,
              context.options.dry_run ? "would write " + directory.string() : directory.string(),
              context.options.verbose, seconds),
      to_json(report));
}

void draw_graph(const Context& context, const std::string& form) {
  static const std::map<std::string, catalog::GraphForm> kForms{
      {"dot", catalog::GraphForm::dot},
      {"mermaid", catalog::GraphForm::mermaid},
      {"svg", catalog::GraphForm::svg}};
  const server::Target target = context.target();
  auto connection = server::open_target(target, context.reporter);
  const postgres::Transaction snapshot(connection, postgres::Transaction::Mode::snapshot);
  const catalog::Schema schema = catalog::load_schema(connection);
  const std::string text = catalog::graph_text(
      schema, fixture::select_tables(schema, tables_of(context)), kForms.at(form));
  context.print(text, {{"format", form}, {"graph", text}});
}

Json to_json(const anonymize::ScanReport& report) {
  Json findings = Json::array();
  for (const anonymize::Finding& finding : report.findings) {
    findings.push_back({{"column", finding.column},
                        {"place", finding.place},
                        {"kind", finding.kind},
                        {"rule", finding.rule},
                        {"confidence", name_of(finding.confidence)},
                        {"reasons", finding.reasons},
                        {"sample", finding.sample},
                        {"has_rule", finding.has_rule}});
  }
  Json rules = Json::object();
  for (const auto& [column, rule] : report.rules) rules[column] = Json::parse(rule);
  return {{"findings", findings}, {"rules", rules}, {"values", report.values}};
}

std::string to_text(const anonymize::ScanReport& report) {
  std::string out;
  for (const anonymize::Finding& finding : report.findings) {
    out += fmt::format("{:<52} {:<22} {:<6}  {}{}  {}\n",
                       finding.column + (finding.place.empty() ? "" : " " + finding.place),
                       finding.kind, name_of(finding.confidence), fmt::join(finding.reasons, ", "),
                       finding.has_rule ? "; has a rule" : "", finding.sample);
  }
  return out;
}

void scan(const Context& context, bool write, anonymize::ScanExtent extent) {
  const server::Target target = context.target();
  auto connection = server::open_target(target, context.reporter);
  const postgres::Transaction snapshot(connection, postgres::Transaction::Mode::snapshot);
  const catalog::Schema schema = catalog::load_schema(connection);
  const anonymize::ScanReport report =
      anonymize::scan(connection, schema, fixture::select_tables(schema, tables_of(context)),
                      anonymize::RuleSet::from_config(context.config), extent);
  std::string text = to_text(report);
  if (!write) {
    std::string rules;
    for (const auto& [column, rule] : report.rules) {
      rules += rules.empty() ? "" : ",\n";
      append_json_string(rules, column);
      rules += ": " + rule;
    }
    text += rules.empty()
                ? "every column that could hold personal data has a rule\n"
                : fmt::format("\n{} columns without a rule; --write adds these to {}:\n{}\n",
                              report.rules.size(), "pgcycle.json", rules);
    return context.print(text, to_json(report));
  }
  const std::filesystem::path file = context.config.has_file()
                                         ? context.config.file()
                                         : std::filesystem::current_path() / "pgcycle.json";
  const std::string before = context.config.has_file() ? read_file(file) : std::string();
  const std::string after =
      add_members(before, file.string(), {"anonymize", "rules"}, report.rules);
  if (after != before && !context.options.dry_run) write_file_atomically(file, after);
  context.print(text + fmt::format("{} {} rules {} {}; read them before you commit fixtures\n",
                                   context.options.dry_run ? "would add" : "added",
                                   report.rules.size(), "to", file.string()),
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
  program.app().add_flag(
      "--check", options.check,
      "Compare the fixtures with the live schema and the rules, and write nothing; "
      "status 4 when they drifted");
  program.app()
      .add_option(
          "--from-dump", options.dump,
          "Extract a dump, in any form of pg_dump, in place of a database; - for standard input")
      ->type_name("FILE");
  CLI::Option* roots =
      program.app()
          .add_option("--root", options.roots,
                      "Take only these rows, what they reference and what references them: "
                      "'public.students where grade = 5 limit 20'; may be repeated")
          ->type_name("ROWS");
  program.app()
      .add_option_function<std::string>(
          "--sample", [&options](const std::string& text) { options.sample = parse_percent(text); },
          "Take this part of every table, and what it references; the same rows each time")
      ->excludes(roots)
      ->type_name("P%");
  program.app().add_flag("--compress", options.compress, "Write .json.zst files");
  program
      .config_option("--report", options.report, "anonymize.report",
                     "Write what became of every column: a page as .html, else JSON")
      .type_name("FILE");
  CLI::App& scanning = program.command(
      "scan", "Find personal data by name, type and content, and propose rules",
      [&options](const Context& context) {
        scan(context, options.write,
             options.all_rows ? anonymize::ScanExtent::all_rows : anonymize::ScanExtent::sample);
      });
  scanning.add_flag("--write", options.write, "Add the rules to pgcycle.json");
  scanning.add_flag("--all-rows", options.all_rows,
                    "Read every row, in place of some 20,000 of each large table");
  program.command("init", "Make .pgcycle/key, the secret that pseudonyms depend on", init);
  CLI::App& graph = program.command(
      "graph", "Draw the foreign keys, with the load order and the cycles",
      [&options](const Context& context) { draw_graph(context, options.graph_form); });
  graph.add_option("--format", options.graph_form, "dot, mermaid or svg")
      ->check(CLI::IsMember({"dot", "mermaid", "svg"}))
      ->capture_default_str()
      ->type_name("FORMAT");
  program.default_action([&options](const Context& context) { extract(context, options); });
  return program.run(argc, argv);
}
