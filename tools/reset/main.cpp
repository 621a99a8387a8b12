// pgcycle-reset: "give me the database as the dump has it, now".
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "pgcycle/dump/reset.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/server/target.hpp"
#include "tools/common/program.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-reset                            # the dump that pgcycle.json names\n"
    "  pgcycle-reset --dump dumps/prod.dump     # this dump\n"
    "  ssh db pg_dump -Fc shop | pgcycle-reset --dump -   # through a pipe\n"
    "  pgcycle-reset -d school_test --dry-run   # say what would happen\n"
    "  pgcycle-reset cache ls                   # restored dumps that are kept for next time\n";

struct ResetOptions {
  std::string dump;
  bool no_cache = false;
  std::string cache_action;
};

dump::DumpFile dump_of(const Context& context, const ResetOptions& options) {
  std::filesystem::path dump = context.path(options.dump, "dump.file");
  if (dump.empty()) {
    throw Error(ErrorCode::usage, "no dump given")
        .hint("use --dump FILE, or \"dump\": {\"file\": …} in pgcycle.json");
  }
  return dump::inspect_dump(dump);
}

void reset(const Context& context, const ResetOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<dump::SpooledInput> input;
  if (options.dump == "-") input.emplace(STDIN_FILENO, context.environment);
  const dump::DumpFile dump = input ? input->dump() : dump_of(context, options);
  const server::Target target = context.target();
  const dump::ResetReport report =
      dump::reset({target, context.config, dump, context.jobs(), !options.no_cache,
                   context.options.dry_run, context.environment, context.reporter});
  for (const std::string& name : report.pruned) {
    context.reporter.verbose("dropped {}, the least recently used template", name);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string url = target.info.uri();
  const Json json{{"database", target.database()},
                  {"url", url},
                  {"dump", dump.name},
                  {"format", dump::form_of(dump)},
                  {"tables", report.tables},
                  {"rows", report.rows},
                  {"replaced", report.replaced},
                  {"from_cache", report.from_cache},
                  {"dry_run", context.options.dry_run},
                  {"seconds", seconds}};
  if (context.options.dry_run) {
    context.print(fmt::format("would {} {} from {} ({} dump, {} bytes)\n",
                              report.replaced ? "replace" : "make", target.database(), dump.name,
                              dump::form_of(dump), dump.bytes),
                  json);
    return;
  }
  context.print(fmt::format("{} {}: {} tables, {} rows in {:.2f} s{}\n{}\n",
                            report.replaced ? "replaced" : "made", target.database(), report.tables,
                            report.rows, seconds, report.from_cache ? ", from the cache" : "", url),
                json);
}

void list_cache(const Context& context, const std::vector<server::CachedTemplate>& templates) {
  std::string text;
  Json list = Json::array();
  for (const server::CachedTemplate& entry : templates) {
    text += fmt::format("{}  {:>10.1f} MB  last used {:%Y-%m-%d %H:%M:%S}\n", entry.database,
                        static_cast<double>(entry.bytes) / 1e6, fmt::gmtime(entry.last_used));
    list.push_back(
        {{"database", entry.database}, {"bytes", entry.bytes}, {"last_used", entry.last_used}});
  }
  context.print(text, {{"templates", list}});
}

void cache(const Context& context, const ResetOptions& options) {
  const server::Target target = context.target();
  auto maintenance = server::open_maintenance(target, context.reporter);
  server::TemplateCache cache(maintenance, target, context.reporter);
  if (options.cache_action == "ls") return list_cache(context, cache.list());
  if (options.cache_action == "prune") {
    const auto dropped = cache.prune(dump::cache_limits(context.config));
    context.print(fmt::format("{} dropped\n", dropped.size()), {{"dropped", dropped}});
    return;
  }
  const dump::DumpFile dump = dump_of(context, options);
  const std::string key = dump::cache_key_of(
      {target, context.config, dump, 1, true, true, context.environment, context.reporter},
      maintenance);
  context.print(key + "\n", {{"key", key}});
}

}  // namespace

int main(int argc, char** argv) {
  Program program("pgcycle-reset", "the database as the dump has it, now", kExamples);
  ResetOptions options;
  program
      .config_option(
          "--dump", options.dump, "dump.file",
          "Dump to restore, in any form of pg_dump, plain or compressed; - for standard input")
      .type_name("FILE");
  program.app().add_flag("--no-cache", options.no_cache,
                         "Restore the dump itself, and keep no template of it");
  CLI::App& cache_command = program.command(
      "cache", "Templates of this server: ls, prune (to the limits), key (of the dump)",
      [&options](const Context& context) { cache(context, options); });
  cache_command.add_option("action", options.cache_action, "What to do")
      ->required()
      ->check(CLI::IsMember({"ls", "prune", "key"}))
      ->type_name("ls|prune|key");
  add_later_options(program.app(),
                    {"--download-recent", "--clones", "--template", "--anonymize", "--session"});
  add_later_commands(program, {"gc"});
  program.default_action([&options](const Context& context) { reset(context, options); });
  return program.run(argc, argv);
}
