#include "pgcycle/dump/reset.hpp"

#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <future>

#include "pgcycle/dump/dump_key.hpp"
#include "pgcycle/dump/live_database.hpp"
#include "pgcycle/dump/requirements.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/lease.hpp"
#include "pgcycle/server/roles.hpp"

namespace pgcycle::dump {

namespace {

using server::Target;

// The databases to replace: the target, or its numbered clones.
std::vector<Target> targets_of(const ResetRequest& request) {
  if (request.clones == 0) return {request.target};
  std::vector<Target> out;
  for (unsigned i = 1; i <= request.clones; ++i) {
    Target clone = request.target;
    clone.info = clone.info.with_database(fmt::format("{}_{}", request.target.database(), i));
    out.push_back(std::move(clone));
  }
  return out;
}

// On the project's own server there is somebody who does the rest when the user has his database.
bool analyzes_later(const ResetRequest& request) {
  return request.finish_later && request.clones == 0 &&
         request.target.kind != server::ServerKind::external;
}

void require_replaceable(postgres::Connection& maintenance, const Target& target,
                         const ResetRequest& request) {
  const std::string name = target.database();
  if (name == maintenance.database() || name.starts_with("template") ||
      name == request.template_database) {
    throw Error(ErrorCode::guard,
                name == request.template_database
                    ? fmt::format("refused to reset \"{}\" from itself", name)
                    : fmt::format("refused to reset \"{}\": the server needs it", name))
        .hint("choose another name for the test database");
  }
  server::require_test_database(maintenance, target, request.config, request.reporter,
                                "replace the database");
}

// One run: where the new databases come from, and their renaming in.
class Reset {
 public:
  Reset(const ResetRequest& request, postgres::Connection& maintenance, std::vector<Target> targets)
      : request_(request), maintenance_(maintenance), targets_(std::move(targets)) {
    report_.databases.resize(targets_.size());
    for (const Target& target : targets_) {
      was_free_.push_back(!server::database_exists(maintenance_, target.database()));
    }
  }

  ResetReport run() {
    if (request_.dump != nullptr && request_.use_cache) {
      const server::HeldTemplate held = hold_template(request_, maintenance_);
      report_.contents = held.contents;
      report_.from_cache = held.was_there;
      report_.template_key = held.key;
      copy_all(0, [&held](postgres::Connection& connection, const std::string& name) {
        server::TemplateCache::clone(connection, held, name);
      });
      if (!held.was_there) {
        report_.pruned = server::TemplateCache(maintenance_, request_.target, request_.reporter)
                             .prune(cache_limits(request_.config), held.database);
      }
    } else {
      server::DatabaseSwap first(maintenance_, targets_[0], request_.reporter);
      if (request_.dump != nullptr) {
        report_.contents =
            fill_database(request_, server::NewDatabase(maintenance_, first.new_database()));
      } else {
        report_.contents = copy_live_database(request_, maintenance_, first);
      }
      copy_all(1, [&first](postgres::Connection& connection, const std::string& name) {
        server::copy_database(connection, first.new_name(), name);
      });
      finish(maintenance_, 0, first);
    }
    return std::move(report_);
  }

 private:
  // Makes the targets from number `start` on, each filled by `copy`.
  void copy_all(std::size_t start,
                const std::function<void(postgres::Connection&, const std::string&)>& copy) {
    std::atomic<std::size_t> next{start};
    const auto work = [&](postgres::Connection& connection) {
      for (std::size_t i = next++; i < targets_.size(); i = next++) {
        server::DatabaseSwap swap(connection, targets_[i], request_.reporter);
        copy(connection, swap.new_name());
        finish(connection, i, swap);
      }
    };
    std::vector<std::future<void>> others;
    for (std::size_t i = 1; i < std::min<std::size_t>(request_.jobs, targets_.size() - start);
         ++i) {
      others.push_back(std::async(std::launch::async, [&] {
        auto connection = server::open_maintenance(request_.target, request_.reporter);
        work(connection);
      }));
    }
    work(maintenance_);
    for (std::future<void>& other : others) other.get();
  }

  void finish(postgres::Connection& connection, std::size_t i, server::DatabaseSwap& swap) {
    // A name that was free passed the guard for that; it may have been taken meanwhile.
    if (was_free_[i]) require_replaceable(connection, targets_[i], request_);
    if (request_.finish_later) swap.keep_old();
    if (request_.lease_seconds > 0) swap.lease(request_.lease_seconds);
    const bool replaced = swap.rename_in(request_.template_database);
    report_.databases[i] = {targets_[i].info, replaced};
  }

  const ResetRequest& request_;
  postgres::Connection& maintenance_;
  std::vector<Target> targets_;
  std::vector<bool> was_free_;
  ResetReport report_;
};

// What a server has, asked for once it matters. What it lacks is told.
class ServerExtensions {
 public:
  explicit ServerExtensions(const ResetRequest& request) : request_(request) {}

  bool has(const std::string& name) {
    if (names_.empty()) ask();
    if (names_.contains(name)) return true;
    if (told_.insert(name).second) {
      request_.reporter.notice("the server does not have the extension {}: it is left out",
                               postgres::display_identifier(name));
    }
    return false;
  }

 private:
  void ask() {
    auto maintenance = server::open_maintenance(request_.target, request_.reporter);
    const auto rows = maintenance.query("SELECT name FROM pg_catalog.pg_available_extensions");
    for (std::size_t i = 0; i < rows.size(); ++i) names_.insert(rows.get(i, 0));
  }

  const ResetRequest& request_;
  std::set<std::string> names_;
  std::set<std::string> told_;
};

// Whoever writes to a foreign table must not write to production.
void drop_user_mappings(const postgres::ConnectionInfo& database, const ResetRequest& request) {
  auto connection = postgres::Connection::open(
      database, {request.target.application_name, &request.reporter, false});
  const auto mappings = connection.query(
      "SELECT format('DROP USER MAPPING FOR %s SERVER %I', CASE WHEN umuser = 0 THEN 'PUBLIC' ELSE "
      "quote_ident(usename) END, srvname) FROM pg_catalog.pg_user_mappings");
  for (std::size_t i = 0; i < mappings.size(); ++i) connection.execute(mappings.get(i, 0));
  if (mappings.empty()) return;
  request.reporter.notice(
      "user mappings in the dump are left out ({}): they sign in to other servers",
      mappings.size());
}

// On a server that pgcycle runs, a dump finds the roles that it names; they are a user's to make
// elsewhere.
void provide_roles(const ResetRequest& request, const Requirements& requirements) {
  if (request.target.kind == server::ServerKind::external) return;
  const std::set<std::string> names = requirements.roles(request.owners);
  if (names.empty()) return;
  auto maintenance = server::open_maintenance(request.target, request.reporter);
  server::make_missing_roles(maintenance, names, request.dump->name, request.reporter);
}

// Masks make text of any language.
void create(const server::NewDatabase& database, const Requirements& requirements,
            const ResetRequest& request) {
  std::optional<server::DatabaseLocale> locale = requirements.locale();
  if (locale && request.masking != nullptr) locale = locale->in_utf8();
  database.create_near(locale, request.reporter);
}

}  // namespace

std::string cache_key_of(const DumpFile& dump, OwnersAndGrants owners, const RowMasking* masking,
                         const Config& config, postgres::Connection& maintenance) {
  // Only a project that has a state directory gets a file in it.
  const std::filesystem::path state = config.directory() / ".pgcycle";
  const bool remember = std::filesystem::is_directory(state) && !dump.is_spooled();
  const std::filesystem::path memory = remember ? state / "dump-hashes" : std::filesystem::path();
  return cache_key(content_hash(dump, memory) + (masking == nullptr ? "" : " " + masking->key),
                   maintenance.server_version(), owners);
}

server::CacheLimits cache_limits(const Config& config) {
  return {config.bytes("cache.maxBytes"), config.count("cache.maxCount")};
}

server::DatabaseContents fill_database(const ResetRequest& request,
                                       const server::NewDatabase& fresh) {
  const postgres::ConnectionInfo& database = fresh.info();
  const auto provide = [&](const Requirements& requirements) {
    provide_roles(request, requirements);
    create(fresh, requirements, request);
  };
  const auto analyzed = [&] {
    drop_user_mappings(database, request);
    const bool later = analyzes_later(request);
    server::DatabaseContents contents =
        analyze(database, request.jobs, request.target.application_name, request.reporter,
                later ? Sample::small : Sample::full);
    contents.unfinished = later;
    return contents;
  };
  ServerExtensions extensions(request);
  const HasExtension has_extension = [&](const std::string& name) { return extensions.has(name); };
  const auto restoring = [&](const DumpFile& dump) {
    return RestoreRequest{
        dump,         database,       fresh.server_major(), request.target.container,
        request.jobs, request.owners, request.environment,  request.reporter,
        false,        has_extension};
  };
  if (request.masking != nullptr) {
    const RestoreRequest masked = restoring(*request.dump);
    provide(requirements_of(masked));
    request.masking->restore(masked);
    return analyzed();
  }
  const UnpackedDump unpacked(*request.dump, request.owners, request.environment, request.reporter,
                              SpoolPlace::disk, has_extension);
  const RestoreRequest whole = restoring(unpacked.dump());
  provide(whole.dump.format == DumpFormat::plain ? unpacked.requirements()
                                                 : requirements_of(whole));
  restore(whole);
  return analyzed();
}

server::HeldTemplate hold_template(const ResetRequest& request, postgres::Connection& maintenance) {
  const std::string key =
      cache_key_of(*request.dump, request.owners, request.masking, request.config, maintenance);
  return server::TemplateCache(maintenance, request.target, request.reporter)
      .hold(key,
            [&](const server::NewDatabase& database) { return fill_database(request, database); });
}

ResetReport reset(const ResetRequest& request) {
  auto maintenance = server::open_maintenance(request.target, request.reporter);
  const std::vector<Target> targets = targets_of(request);
  for (const Target& target : targets) require_replaceable(maintenance, target, request);
  if (request.dry_run) {
    ResetReport report;
    for (const Target& target : targets) {
      report.databases.push_back(
          {target.info, server::database_exists(maintenance, target.database())});
    }
    return report;
  }
  server::drop_abandoned_databases(maintenance, request.reporter);
  return Reset(request, maintenance, targets).run();
}

void finish_reset(const ResetRequest& request, const ResetReport& report) {
  auto maintenance = server::open_maintenance(request.target, request.reporter);
  for (const ResetDatabase& database : report.databases) {
    if (database.replaced) server::DatabaseSwap::drop_old(maintenance, database.info.database());
  }
  const auto fully = [&](const postgres::ConnectionInfo& database) {
    analyze(database, request.jobs, request.target.application_name, request.reporter);
  };
  if (report.contents.unfinished) {
    try {
      for (const ResetDatabase& database : report.databases) fully(database.info);
    } catch (const Error& error) {  // the user may have replaced or changed it
      request.reporter.verbose("ANALYZE: {}", error.message());
    }
  }
  if (report.template_key.empty() || request.target.kind == server::ServerKind::external) return;
  server::TemplateCache cache(maintenance, request.target, request.reporter);
  cache.finish(report.template_key, fully);
  cache.make_spare(report.template_key, cache_limits(request.config));
}

}  // namespace pgcycle::dump
