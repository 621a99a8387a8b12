#include "pgcycle/server/template_cache.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/server/guard.hpp"

namespace pgcycle::server {

namespace {

using postgres::quote_identifier;

constexpr std::string_view kTemplatePrefix = "pgcycle_template_";
constexpr std::string_view kBuildPrefix = "pgcycle_build_";
// Below this size writing a copy through the WAL beats the checkpoints that copying
// files asks of a server that syncs.
constexpr std::int64_t kSmallBytes = std::int64_t{64} << 20U;

std::string template_name(const std::string& key) { return std::string(kTemplatePrefix) + key; }

}  // namespace

bool TemplateCache::clone(const std::string& key, const std::string& name, const Build& build) {
  const std::string source = template_name(key);
  for (;;) {
    bool hit = true;
    if (!database_exists(maintenance_, source)) {
      const AdvisoryLock alone(maintenance_, source, reporter_);
      hit = database_exists(maintenance_, source);  // another run may have built it meanwhile
      if (!hit) build_template(key, build);
    }
    const AdvisoryLock shared(maintenance_, source, reporter_, AdvisoryLock::Mode::shared);
    if (!database_exists(maintenance_, source)) continue;  // pruned between the locks
    maintenance_.execute(fmt::format("CREATE DATABASE {} TEMPLATE {}{}", quote_identifier(name),
                                     quote_identifier(source), strategy(source)));
    maintenance_.execute(
        fmt::format("DO $$ BEGIN EXECUTE format('ALTER DATABASE {} SET pgcycle.last_used = %L', "
                    "extract(epoch FROM clock_timestamp())::bigint); END $$",
                    quote_identifier(source)));
    return hit;
  }
}

void TemplateCache::build_template(const std::string& key, const Build& build) {
  const std::string aside = std::string(kBuildPrefix) + key;
  const auto drop_aside = [&] {
    maintenance_.execute(
        fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(aside)));
  };
  drop_aside();
  maintenance_.execute(
      fmt::format("CREATE DATABASE {} TEMPLATE template0", quote_identifier(aside)));
  try {
    build(target_.info.with_database(aside));
    maintenance_.execute(
        fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS false", quote_identifier(aside)));
    maintenance_.execute(fmt::format("ALTER DATABASE {} RENAME TO {}", quote_identifier(aside),
                                     quote_identifier(template_name(key))));
  } catch (...) {
    try {
      drop_aside();
    } catch (const Error& error) {
      reporter_.verbose("{} stays until the next build: {}", aside, error.message());
    }
    throw;
  }
}

std::string TemplateCache::strategy(const std::string& name) {
  if (maintenance_.server_version() < 150000) return {};
  const auto row =
      maintenance_.query("SELECT pg_database_size($1), current_setting('fsync') = 'off'", {name});
  const bool files = row.boolean(0, 1) || row.integer(0, 0) > kSmallBytes;
  return files ? " STRATEGY file_copy" : " STRATEGY wal_log";
}

void TemplateCache::drop_abandoned() {
  const auto rows =
      maintenance_.query("SELECT datname FROM pg_database WHERE starts_with(datname, $1)",
                         {std::string(kBuildPrefix)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows.get(i, 0);
    // A builder that lives has the lock of its template.
    const auto lock =
        AdvisoryLock::try_once(maintenance_, template_name(name.substr(kBuildPrefix.size())));
    if (!lock) continue;
    reporter_.verbose("dropping {}, left by a run that was cut off", name);
    maintenance_.execute(
        fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(name)));
  }
}

std::vector<CachedTemplate> TemplateCache::list() {
  const auto rows = maintenance_.query(
      "SELECT d.datname, pg_database_size(d.oid), COALESCE((SELECT split_part(c, '=', 2) FROM "
      "pg_db_role_setting s, unnest(s.setconfig) c WHERE s.setdatabase = d.oid AND s.setrole = 0 "
      "AND c LIKE 'pgcycle.last\\_used=%'), '0')::bigint AS used "
      "FROM pg_database d WHERE starts_with(d.datname, $1) ORDER BY used DESC, d.datname",
      {std::string(kTemplatePrefix)});
  std::vector<CachedTemplate> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows.get(i, 0);
    out.push_back({name, name.substr(kTemplatePrefix.size()),
                   static_cast<std::uint64_t>(rows.integer(i, 1)), rows.integer(i, 2)});
  }
  return out;
}

std::vector<std::string> TemplateCache::prune(const CacheLimits& limits,
                                              const std::string& keep_key) {
  std::vector<std::string> dropped;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  for (const CachedTemplate& entry : list()) {
    const bool fits = (limits.max_bytes == 0 || bytes + entry.bytes <= limits.max_bytes) &&
                      (limits.max_count == 0 || count + 1 <= limits.max_count);
    if (fits || entry.key == keep_key) {
      bytes += entry.bytes;
      ++count;
      continue;
    }
    const AdvisoryLock alone(maintenance_, entry.database, reporter_);
    maintenance_.execute(
        fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(entry.database)));
    dropped.push_back(entry.database);
  }
  return dropped;
}

}  // namespace pgcycle::server
