// pgcycle-reset: "give me the database as the dump has it, now".
#include <fmt/format.h>

#include <chrono>

#include "pgcycle/dump/reset.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-reset                            # the dump that pgcycle.json names\n"
    "  pgcycle-reset --dump dumps/prod.dump     # this dump\n"
    "  pgcycle-reset -d school_test --dry-run   # say what would happen\n";

struct ResetOptions {
  std::string dump;
};

void reset(const Context& context, const ResetOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::filesystem::path dump = context.path(options.dump, "dump.file");
  if (dump.empty()) {
    throw Error(ErrorCode::usage, "no dump given")
        .hint("use --dump FILE, or \"dump\": {\"file\": …} in pgcycle.json");
  }
  if (!options.dump.empty() || context.config.node("dump.file") != nullptr) {
    dump::inspect_dump(dump);  // before a server is started for nothing
  }
  const server::Target target =
      server::resolve_target({context.config, context.db_url(), context.environment,
                              context.server_program(), context.program, context.reporter});
  const dump::ResetReport report =
      dump::reset({target, context.config, dump, context.jobs(), context.options.dry_run,
                   context.environment, context.reporter});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string url = target.info.uri();
  const Json json{{"database", target.database()},
                  {"url", url},
                  {"dump", report.dump.path.string()},
                  {"format", dump::name_of(report.dump.format)},
                  {"tables", report.tables},
                  {"rows", report.rows},
                  {"replaced", report.replaced},
                  {"dry_run", context.options.dry_run},
                  {"seconds", seconds}};
  if (context.options.dry_run) {
    context.print(fmt::format("would {} {} from {} ({} dump, {} bytes)\n",
                              report.replaced ? "replace" : "make", target.database(),
                              report.dump.path.string(), dump::name_of(report.dump.format),
                              report.dump.bytes),
                  json);
    return;
  }
  context.print(fmt::format("{} {}: {} tables, {} rows in {:.2f} s\n{}\n",
                            report.replaced ? "replaced" : "made", target.database(), report.tables,
                            report.rows, seconds, url),
                json);
}

}  // namespace

int main(int argc, char** argv) {
  Program program("pgcycle-reset", "the database as the dump has it, now", kExamples);
  ResetOptions options;
  program
      .config_option("--dump", options.dump, "dump.file",
                     "Dump to restore: pg_dump's custom, directory or tar form")
      .type_name("FILE");
  add_later_options(program.app(), {"--download-recent", "--clones", "--template", "--no-cache",
                                    "--anonymize", "--session"});
  add_later_commands(program, {"cache", "gc"});
  program.default_action([&options](const Context& context) { reset(context, options); });
  return program.run(argc, argv);
}
