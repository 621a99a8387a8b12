#include "pgcycle/migrate/schema_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/dump/fetch.hpp"
#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/server/client_program.hpp"
#include "pgcycle/server/roles.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;

server::Target with_database(server::Target target, const postgres::ConnectionInfo& info) {
  target.info = info;
  target.kind = server::ServerKind::external;
  target.container.clear();
  return target;
}

}  // namespace

std::unique_ptr<dump::ScratchDatabase> restore_aside(const dump::DumpFile& dump,
                                                     const SchemaSourceContext& context) {
  const server::Target own = context.own_server();
  const dump::ResetRequest request{.target = own,
                                   .config = context.config,
                                   .dump = &dump,
                                   .template_database = {},
                                   .jobs = context.jobs,
                                   .owners = dump::OwnersAndGrants::grants_only,
                                   .environment = context.environment,
                                   .reporter = context.reporter};
  return std::make_unique<dump::ScratchDatabase>(request);
}

std::unique_ptr<dump::ScratchDatabase> copy_aside(const server::Target& live, CopiedRows rows,
                                                  const SchemaSourceContext& context) {
  const UnnamedFile file(fs::temp_directory_path());
  dump::fetch_dump(
      {live.info,
       file.path(),
       rows == CopiedRows::none ? std::vector<std::string>{"*.*"} : std::vector<std::string>(),
       {},
       "pgcycle-migrate",
       live.container,
       context.environment,
       context.reporter});
  return restore_aside(dump::inspect_dump(file.path(), live.database()), context);
}

void with_named_roles(const server::Target& scratch, Reporter& reporter,
                      const std::function<void()>& build) {
  for (std::string made;;) {
    try {
      return build();
    } catch (const Error& error) {
      const std::string role = server::role_that_is_missing(error);
      if (role.empty() || role == made) throw;
      auto maintenance = server::open_maintenance(scratch, reporter);
      server::make_missing_roles(maintenance, {role}, "a migration", reporter);
      made = role;
    }
  }
}

SchemaSource::SchemaSource(const std::string& text, const SchemaSourceContext& context)
    : text_(text), context_(context) {
  const std::size_t at = text.rfind('@');
  const bool is_url = text.find("://") != std::string::npos || text.find('=') != std::string::npos;
  if (is_url) {
    server::Target target;
    target.application_name = "pgcycle-migrate";
    target_ = with_database(target, postgres::ConnectionInfo::parse(text));
  } else if (fs::is_directory(text)) {
    if (fs::exists(fs::path(text) / "toc.dat")) {
      restore(text);
    } else {
      build_migrations(text, {});
    }
  } else if (at != std::string::npos && fs::is_directory(text.substr(0, at))) {
    build_migrations(text.substr(0, at), text.substr(at + 1));
  } else if (fs::exists(text)) {
    restore(text);
  } else if (text.find('/') != std::string::npos) {
    throw Error(ErrorCode::usage, fmt::format("there is no {}", text))
        .hint(
            "give a database's URL or name, a dump, or a folder of migrations (DIR@VERSION to "
            "stop at one)");
  } else {
    target_ = context.target();
    target_->info = target_->info.with_database(text);
  }
}

void SchemaSource::build_migrations(const fs::path& directory, const std::string& version) {
  scratch_ = std::make_unique<dump::ScratchDatabase>(context_.own_server(), context_.reporter);
  target_ = scratch_->target();
  SilentReporter silent;
  MigrateRequest request{*target_, context_.config,      directory, version, false,
                         false,    context_.environment, silent};
  request.guarded = false;
  with_named_roles(*target_, context_.reporter, [&request] { up(request); });
}

void SchemaSource::restore(const fs::path& file) {
  scratch_ = restore_aside(dump::inspect_dump(file), context_);
  target_ = scratch_->target();
}

postgres::Connection SchemaSource::open() const {
  return postgres::Connection::open(target_->info, {"pgcycle-migrate", &context_.reporter, false});
}

const server::Target& SchemaSource::copy() {
  if (copy_) return copy_->target();
  if (scratch_) {
    copy_ =
        std::make_unique<dump::ScratchDatabase>(*target_, context_.reporter, target_->database());
    return copy_->target();
  }
  copy_ = copy_aside(*target_, CopiedRows::none, context_);
  return copy_->target();
}

std::multiset<std::string> schema_dump_lines(const server::Target& target,
                                             const SchemaSourceContext& context) {
  auto connection = server::open_target(target, context.reporter);
  const server::ClientProgram pg_dump("pg_dump", connection.server_version() / 10000,
                                      server::VersionNeed::required, target.container,
                                      context.environment);
  const ProcessSpec spec =
      pg_dump.command(target.info, {"--schema-only", "--no-owner", "--exclude-schema=pgcycle"}, {});
  const ProcessResult result = run_process(spec);
  if (!result.ok()) {
    throw Error(ErrorCode::step, "pg_dump cannot read the schema").detail(result.errors);
  }
  std::multiset<std::string> lines;
  for (std::size_t at = 0; at < result.output.size();) {
    const std::size_t end = std::min(result.output.find('\n', at), result.output.size());
    std::string line = result.output.substr(at, end - at);
    at = end + 1;
    while (!line.empty() && (line.back() == ',' || line.back() == ' ')) line.pop_back();
    const bool noise = line.empty() || line.starts_with("--") || line.starts_with("\\") ||
                       line.starts_with("SET ") || line.starts_with("SELECT pg_catalog.set_config");
    if (!noise) lines.insert(std::move(line));
  }
  return lines;
}

}  // namespace pgcycle::migrate
