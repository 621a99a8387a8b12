// pgcycle-reset: "give me the database as the dump has it, now".
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "pgcycle/anonymize/masked_restore.hpp"
#include "pgcycle/dump/download.hpp"
#include "pgcycle/dump/reset.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/server/lease.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/process.hpp"
#include "tools/common/masking.hpp"
#include "tools/common/program.hpp"
#include "tools/reset/session.hpp"

namespace {

using namespace pgcycle;
using namespace pgcycle::tools;

constexpr const char* kExamples =
    "  pgcycle-reset                            # the dump that pgcycle.json names\n"
    "  pgcycle-reset --dump dumps/prod.dump     # this dump\n"
    "  ssh db pg_dump -Fc shop | pgcycle-reset --dump -   # through a pipe\n"
    "  pgcycle-reset --download-recent          # from production, then reset from that\n"
    "  pgcycle-reset --clones 4                 # NAME_1 to NAME_4, one a worker\n"
    "  pgcycle-reset --template school          # a copy of another database\n"
    "  pgcycle-reset --session                  # clones for a test runner, as JSON Lines\n"
    "  pgcycle-reset --anonymize                # rows masked before the server sees them\n"
    "  pgcycle-reset -d school_test --dry-run   # say what would happen\n"
    "  pgcycle-reset cache ls                   # restored dumps that are kept for next time\n";

struct ResetOptions {
  std::string dump;
  std::string template_database;
  std::string lease;
  bool download_recent = false;
  std::vector<std::string> exclude_table_data;
  std::vector<std::string> schemas;
  unsigned clones = 0;
  bool no_cache = false;
  bool with_owners = false;
  bool session = false;
  bool anonymize = false;
  std::string cache_action;
};

std::filesystem::path dump_path(const Context& context, const ResetOptions& options) {
  std::filesystem::path dump = context.path(options.dump, "dump.file");
  if (!dump.empty()) return dump;
  throw Error(ErrorCode::usage, "no dump given")
      .hint("use --dump FILE, or \"dump\": {\"file\": …} in pgcycle.json");
}

void download(const Context& context, const ResetOptions& options) {
  const std::filesystem::path file = dump_path(context, options);
  if (context.options.dry_run) {
    context.reporter.info("would download {}", file.string());
    return;
  }
  const dump::DownloadReport report =
      dump::download_recent({context.config, file, options.exclude_table_data, options.schemas,
                             context.program, context.environment, context.reporter});
  context.reporter.info(
      "downloaded {}: {} tables, {:.1f} MB{}", file.string(), report.tables,
      static_cast<double>(report.bytes) / 1e6,
      report.earlier.empty() ? "" : "; the last one is " + report.earlier.string());
}

dump::DumpFile dump_of(const Context& context, const ResetOptions& options) {
  return dump::inspect_dump(dump_path(context, options));
}

dump::OwnersAndGrants owners_of(const ResetOptions& options) {
  return options.with_owners ? dump::OwnersAndGrants::restored : dump::OwnersAndGrants::left_out;
}

// How rows are masked on their way, if they are.
std::optional<dump::RowMasking> masking_of(const Context& context, const ResetOptions& options) {
  if (!options.anonymize) return std::nullopt;
  for (const char* key : {"extract.roots", "extract.where"}) {
    if (context.config.strings(key).empty()) continue;
    context.reporter.notice("{} is for pgcycle-extract: the whole dump is restored", key);
  }
  return anonymize::row_masking(masking_settings(context));
}

// What the new databases are made from, in words.
std::string source_of(const dump::ResetRequest& request) {
  if (request.dump == nullptr) return fmt::format("database {}", request.template_database);
  return fmt::format("{} ({} dump, {} bytes)", request.dump->name, dump::form_of(*request.dump),
                     request.dump->bytes);
}

Json to_json(const dump::ResetRequest& request, const dump::ResetReport& report, double seconds) {
  Json databases = Json::array();
  for (const dump::ResetDatabase& database : report.databases) {
    databases.push_back({{"database", database.info.database()},
                         {"url", database.info.uri()},
                         {"replaced", database.replaced}});
  }
  Json json;
  if (request.clones == 0) json = databases[0];
  json["databases"] = databases;
  json.update({{"tables", report.contents.tables},
               {"rows", report.contents.rows},
               {"from_cache", report.from_cache},
               {"dry_run", request.dry_run},
               {"seconds", seconds}});
  if (request.dump != nullptr) {
    json["dump"] = request.dump->name;
    json["format"] = dump::form_of(*request.dump);
  } else {
    json["template"] = request.template_database;
  }
  return json;
}

std::string to_text(const dump::ResetRequest& request, const dump::ResetReport& report,
                    double seconds) {
  std::string text;
  for (const dump::ResetDatabase& database : report.databases) {
    const std::string name = database.info.database();
    if (request.dry_run) {
      text += fmt::format("would {} {} from {}\n", database.replaced ? "replace" : "make", name,
                          source_of(request));
    } else {
      text +=
          fmt::format("{} {}: {} tables, {} rows in {:.2f} s{}\n",
                      database.replaced ? "replaced" : "made", name, report.contents.tables,
                      report.contents.rows, seconds, report.from_cache ? ", from the cache" : "");
    }
  }
  if (request.dry_run) return text;
  for (const dump::ResetDatabase& database : report.databases) text += database.info.uri() + "\n";
  return text;
}

void serve(const Context& context, const dump::ResetRequest& request) {
  if (!request.use_cache) {
    throw Error(ErrorCode::usage, "--no-cache and --session exclude each other")
        .hint("a session clones the template that the cache keeps");
  }
  auto maintenance = server::open_maintenance(request.target, context.reporter);
  server::drop_abandoned_databases(maintenance, context.reporter);
  server::ClonePoolSettings settings;
  std::optional<server::HeldTemplate> held;
  if (request.dump != nullptr) held.emplace(dump::hold_template(request, maintenance));
  settings.source = held ? held->database : request.template_database;
  settings.source_may_change = !held;
  if (request.clones > 0) settings.ready = request.clones;
  if (request.lease_seconds > 0) settings.lease_seconds = request.lease_seconds;
  server::ClonePool pool(request.target, settings, context.reporter);
  serve_session(context, pool);
}

void reset(const Context& context, const ResetOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  std::optional<dump::SpooledInput> input;
  std::optional<dump::DumpFile> dump;
  if (options.template_database.empty()) {
    if (options.download_recent) download(context, options);
    if (options.dump == "-") {
      input.emplace(STDIN_FILENO, context.environment,
                    options.anonymize ? dump::SpoolPlace::memory : dump::SpoolPlace::disk);
    }
    dump = input ? input->dump() : dump_of(context, options);
  }
  const double lease = options.lease.empty() ? 0 : parse_duration(options.lease);
  const server::Target target = context.target();
  const std::optional<dump::RowMasking> masking = masking_of(context, options);
  const dump::ResetRequest request{target,
                                   context.config,
                                   dump ? &*dump : nullptr,
                                   options.template_database,
                                   options.clones,
                                   lease,
                                   context.jobs(),
                                   !options.no_cache,
                                   owners_of(options),
                                   masking ? &*masking : nullptr,
                                   context.options.dry_run,
                                   true,
                                   context.environment,
                                   context.reporter};
  if (options.session) return serve(context, request);
  const dump::ResetReport report = dump::reset(request);
  for (const std::string& name : report.pruned) {
    context.reporter.verbose("dropped {}, the least recently used template", name);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  context.print(to_text(request, report, seconds), to_json(request, report, seconds));
  if (request.dry_run) return;
  std::fflush(stdout);
  run_in_background([&] { dump::finish_reset(request, report); });
}

void collect_garbage(const Context& context) {
  const server::Target target = context.target();
  auto maintenance = server::open_maintenance(target, context.reporter);
  const auto dropped =
      server::drop_abandoned_databases(maintenance, context.reporter, context.options.dry_run);
  std::string text;
  Json list = Json::array();
  for (const server::AbandonedDatabase& database : dropped) {
    text += fmt::format("{} {}: {}\n", context.options.dry_run ? "would drop" : "dropped",
                        database.name, database.reason);
    list.push_back({{"database", database.name}, {"reason", database.reason}});
  }
  context.print(text, {{"dropped", list}, {"dry_run", context.options.dry_run}});
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
  const std::optional<dump::RowMasking> masking = masking_of(context, options);
  const std::string key = dump::cache_key_of(
      dump, owners_of(options), masking ? &*masking : nullptr, context.config, maintenance);
  context.print(key + "\n", {{"key", key}});
}

}  // namespace

int main(int argc, char** argv) {
  Program program("pgcycle-reset", "the database as the dump has it, now", kExamples);
  ResetOptions options;
  CLI::Option& dump = program.config_option(
      "--dump", options.dump, "dump.file",
      "Dump to restore, in any form of pg_dump, plain or compressed; - for standard input");
  dump.type_name("FILE");
  program.app().add_flag("--no-cache", options.no_cache,
                         "Restore the dump itself, and keep no template of it");
  program.app()
      .add_option("--template", options.template_database,
                  "Copy this database of the same server in place of a dump")
      ->excludes(&dump)
      ->type_name("DATABASE");
  program.app()
      .add_option("--clones", options.clones,
                  "Make NAME_1 to NAME_N in place of NAME, one for each of N workers; "
                  "in a session, how many are kept ready")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  program.app()
      .add_option("--lease", options.lease,
                  "The databases may be dropped by any later run after this time, such as 2h; "
                  "a session renews its leases [default of a session: 15min]")
      ->type_name("TIME");
  program.app().add_flag(
      "--with-owners", options.with_owners,
      "Restore the dump's owners and grants too; roles are made on pgcycle's own server only");
  CLI::App& cache_command = program.command(
      "cache", "Templates of this server: ls, prune (to the limits), key (of the dump)",
      [&options](const Context& context) { cache(context, options); });
  cache_command.add_option("action", options.cache_action, "What to do")
      ->required()
      ->check(CLI::IsMember({"ls", "prune", "key"}))
      ->type_name("ls|prune|key");
  program.command("gc", "Drop what runs and sessions that died left on this server",
                  [](const Context& context) { collect_garbage(context); });
  program.app().add_flag("--session", options.session,
                         "Serve clones to a test runner over standard input and output");
  CLI::Option* recent =
      program.app().add_flag("--download-recent", options.download_recent,
                             "First take a fresh dump from production.url, in place of the dump");
  recent->excludes("--template");
  program.app()
      .add_option("--exclude-table-data", options.exclude_table_data,
                  "Of a download: leave out these tables' rows, as pg_dump does")
      ->needs(recent)
      ->type_name("PATTERN");
  program.app()
      .add_option("--schema", options.schemas, "Of a download: only these schemas, as pg_dump does")
      ->needs(recent)
      ->type_name("PATTERN");
  program.app()
      .add_flag("--anonymize", options.anonymize,
                "Mask the dump's rows on their way, by the rules of pgcycle.json")
      ->excludes("--template");
  program.default_action([&options](const Context& context) { reset(context, options); });
  return program.run(argc, argv);
}
