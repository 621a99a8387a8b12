#include "pgcycle/server/template_cache.hpp"

#include <fmt/format.h>

#include <chrono>
#include <sstream>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_properties.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::server {

namespace {

using postgres::quote_identifier;

constexpr std::string_view kTemplatePrefix = "pgcycle_template_";
constexpr std::string_view kBuildPrefix = "pgcycle_build_";
constexpr std::string_view kSparePrefix = "pgcycle_spare_";
constexpr std::size_t kKeyDigits = 32;
constexpr const char* kContents = "pgcycle.contents";
constexpr const char* kLastUsed = "pgcycle.last_used";

std::string template_name(const std::string& key) { return std::string(kTemplatePrefix) + key; }

std::string spare_name(const std::string& key) { return std::string(kSparePrefix) + key; }

std::string build_name(const std::string& key) { return std::string(kBuildPrefix) + key; }

// "TABLES ROWS" or "TABLES ROWS unfinished"
std::string to_text(const DatabaseContents& contents) {
  return fmt::format("{} {}{}", contents.tables, contents.rows,
                     contents.unfinished ? " unfinished" : "");
}

DatabaseContents contents_of(const std::string& text) {
  DatabaseContents contents;
  std::string word;
  std::istringstream(text) >> contents.tables >> contents.rows >> word;
  contents.unfinished = word == "unfinished";
  return contents;
}

// A database aside that is dropped again unless it got its name.
class Aside {
 public:
  Aside(postgres::Connection& maintenance, std::string name, Reporter& reporter)
      : maintenance_(maintenance), name_(std::move(name)), reporter_(reporter) {
    drop_database(maintenance_, name_);
  }
  ~Aside() {
    if (done_) return;
    try {
      drop_database(maintenance_, name_);
    } catch (const std::exception& error) {
      reporter_.verbose("{} stays until the next build: {}", name_, error.what());
    }
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  const std::string& name() const { return name_; }
  void done() { done_ = true; }

 private:
  postgres::Connection& maintenance_;
  std::string name_;
  Reporter& reporter_;
  bool done_ = false;
};

}  // namespace

HeldTemplate TemplateCache::hold(const std::string& key, const Build& build) {
  HeldTemplate held;
  held.key = key;
  held.database = template_name(key);
  for (;;) {
    held.was_there = true;
    if (!database_exists(maintenance_, held.database)) {
      const AdvisoryLock alone(maintenance_, held.database, reporter_);
      held.was_there = database_exists(maintenance_, held.database);  // built meanwhile
      if (!held.was_there) build_template(key, build);
    }
    held.lock = std::make_unique<AdvisoryLock>(maintenance_, held.database, reporter_,
                                               AdvisoryLock::Mode::shared);
    if (database_exists(maintenance_, held.database)) break;
    held.lock.reset();  // pruned between the locks
  }
  held.contents = contents_of(database_setting(maintenance_, held.database, kContents));
  note_use(held.database);
  return held;
}

// Others may note theirs at the same instant, which the server refuses: as good.
void TemplateCache::note_use(const std::string& database) {
  try {
    set_database_setting(maintenance_, database, kLastUsed,
                         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(
                                            std::chrono::system_clock::now().time_since_epoch())
                                            .count()));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    reporter_.verbose("the use of {} is not noted: {}", database, error.message());
  }
}

std::string TemplateCache::lock_of_database_aside(postgres::Connection& maintenance,
                                                  const std::string& name) {
  for (const std::string_view prefix : {kBuildPrefix, kSparePrefix}) {
    if (!name.starts_with(prefix) || !is_hex(name.substr(prefix.size()), kKeyDigits)) continue;
    const std::string built = template_name(name.substr(prefix.size()));
    if (prefix == kBuildPrefix || !database_exists(maintenance, built)) return built;
  }
  return {};
}

void TemplateCache::clone(postgres::Connection& maintenance, const HeldTemplate& held,
                          const std::string& name) {
  const std::string spare = spare_name(held.key);
  if (database_exists(maintenance, spare)) {
    try {
      rename_database(maintenance, spare, name);
      maintenance.execute(
          fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS true", quote_identifier(name)));
      return;
    } catch (const Error& error) {
      // 3D000: another clone took it. Any other refusal leaves a copy to be made as well.
      if (error.code() != ErrorCode::statement) throw;
      drop_database(maintenance, name);
    }
  }
  copy_database(maintenance, held.database, name);
}

void TemplateCache::make_spare(const std::string& key, const CacheLimits& limits) {
  const std::string spare = spare_name(key);
  const auto turn = AdvisoryLock::try_once(maintenance_, spare);
  if (!turn || database_exists(maintenance_, spare)) return;
  const AdvisoryLock stays(maintenance_, template_name(key), reporter_, AdvisoryLock::Mode::shared);
  if (!database_exists(maintenance_, template_name(key))) return;
  std::uint64_t bytes = 0;
  for (const CachedTemplate& entry : list()) {
    bytes += entry.key == key ? 2 * entry.bytes : entry.bytes;
  }
  if (limits.max_bytes != 0 && bytes > limits.max_bytes) return;
  copy_database(maintenance_, template_name(key), spare, Sessions::refused);
}

void TemplateCache::build_template(const std::string& key, const Build& build) {
  Aside aside(maintenance_, build_name(key), reporter_);
  complete_aside(aside.name(),
                 build(NewDatabase(maintenance_, target_.info.with_database(aside.name()))));
  rename_database(maintenance_, aside.name(), template_name(key));
  aside.done();
}

// Notes what is in it and lets nobody in any more.
void TemplateCache::complete_aside(const std::string& aside, const DatabaseContents& contents) {
  set_database_setting(maintenance_, aside, kContents, to_text(contents));
  maintenance_.execute(
      fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS false", quote_identifier(aside)));
}

void TemplateCache::finish(const std::string& key, const Work& finish) {
  const std::string name = template_name(key);
  const std::string spare = spare_name(key);
  const auto turn = AdvisoryLock::try_once(maintenance_, spare);
  if (!turn) return;
  // Shared first: it neither goes nor is it built meanwhile.
  const AdvisoryLock stays(maintenance_, name, reporter_, AdvisoryLock::Mode::shared);
  if (!database_exists(maintenance_, name)) return;
  DatabaseContents contents = contents_of(database_setting(maintenance_, name, kContents));
  if (!contents.unfinished) return;
  contents.unfinished = false;
  Aside aside(maintenance_, build_name(key), reporter_);
  copy_database(maintenance_, name, aside.name());
  finish(target_.info.with_database(aside.name()));
  complete_aside(aside.name(), contents);
  const auto alone = AdvisoryLock::try_once(maintenance_, name);
  if (!alone) return;  // a session may hold it for hours; the next reset tries again
  set_database_setting(maintenance_, aside.name(), kLastUsed,
                       database_setting(maintenance_, name, kLastUsed));
  // A spare is a copy of the old one; the old one is a spare for an instant.
  drop_database(maintenance_, spare);
  postgres::Transaction swap(maintenance_);
  rename_database(maintenance_, name, spare);
  rename_database(maintenance_, aside.name(), name);
  swap.commit();
  aside.done();
  drop_database(maintenance_, spare);
}

std::vector<CachedTemplate> TemplateCache::list() {
  const auto rows = maintenance_.query(
      "SELECT d.datname, pg_database_size(d.oid) + COALESCE((SELECT "
      "pg_database_size(s.oid) FROM pg_catalog.pg_database s WHERE "
      "s.datname = $2 || substr(d.datname, $3::int)), 0), COALESCE(NULLIF(" +
          database_setting_sql("d.oid", kLastUsed) +
          ", ''), '0')::bigint AS used FROM pg_catalog.pg_database d "
          "WHERE starts_with(d.datname, $1) ORDER BY used DESC, d.datname",
      {std::string(kTemplatePrefix), std::string(kSparePrefix),
       std::to_string(kTemplatePrefix.size() + 1)});
  std::vector<CachedTemplate> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows.get(i, 0);
    out.push_back({name, name.substr(kTemplatePrefix.size()),
                   static_cast<std::uint64_t>(rows.integer(i, 1)), rows.integer(i, 2)});
  }
  return out;
}

std::vector<std::string> TemplateCache::prune(const CacheLimits& limits, const std::string& keep) {
  std::vector<std::string> dropped;
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;
  for (const CachedTemplate& entry : list()) {
    const bool fits = (limits.max_bytes == 0 || bytes + entry.bytes <= limits.max_bytes) &&
                      (limits.max_count == 0 || count + 1 <= limits.max_count);
    if (fits || entry.database == keep) {
      bytes += entry.bytes;
      ++count;
      continue;
    }
    drop(entry);
    dropped.push_back(entry.database);
  }
  return dropped;
}

void TemplateCache::drop(const CachedTemplate& entry) {
  const AdvisoryLock alone(maintenance_, entry.database, reporter_);
  drop_database(maintenance_, spare_name(entry.key));
  drop_database(maintenance_, entry.database);
}

}  // namespace pgcycle::server
