#include "pgcycle/server/lease.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <sstream>

#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_properties.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/template_cache.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::server {

namespace {

constexpr const char* kLease = "pgcycle.lease";
constexpr std::string_view kClonePrefix = "pgcycle_clone_";
constexpr std::size_t kSessionDigits = 16;

std::string candidates_sql() {
  return fmt::format(
      "SELECT * FROM (SELECT d.datname, {} AS lease, extract(epoch FROM clock_timestamp())::bigint "
      "FROM pg_catalog.pg_database d WHERE pg_has_role(d.datdba, 'MEMBER')) candidates "
      "WHERE datname ~ '^pgcycle_(build|spare|new|old|clone)_' OR lease <> '' ORDER BY datname",
      database_setting_sql("d.oid", kLease));
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// The session of a clone's name; empty for any other name.
std::string session_of(const std::string& database) {
  if (!database.starts_with(kClonePrefix)) return {};
  const std::string session = database.substr(kClonePrefix.size(), kSessionDigits);
  const std::string rest = database.substr(kClonePrefix.size() + session.size());
  const bool numbered = rest.size() > 1 && rest.front() == '_' &&
                        rest.find_first_not_of("0123456789", 1) == std::string::npos;
  return numbered && is_hex(session, kSessionDigits) ? session : std::string();
}

struct Candidate {
  std::string name;
  std::optional<Lease> lease;
  std::int64_t now = 0;

  bool lease_ended() const { return lease && lease->ends < now; }
};

// Why nobody has the database any more; empty when somebody has it. While it is dropped,
// `lock` keeps others from taking the name.
std::string reason_of(const Candidate& database, postgres::Connection& maintenance,
                      std::unique_ptr<AdvisoryLock>& lock) {
  for (const std::string& name :
       {DatabaseSwap::lock_of_database_aside(database.name),
        TemplateCache::lock_of_database_aside(maintenance, database.name)}) {
    if (name.empty()) continue;
    lock = AdvisoryLock::try_once(maintenance, name);
    return lock ? "left by a run that was cut off" : "";
  }
  const std::string whose =
      database.lease ? fmt::format("{}, process {}", database.lease->host, database.lease->process)
                     : "unknown";
  if (const std::string session = session_of(database.name); !session.empty()) {
    lock = AdvisoryLock::try_once(maintenance, session_lock(session));
    if (lock) return fmt::format("its session is gone ({})", whose);
    return database.lease_ended() ? fmt::format("its lease ended ({})", whose) : "";
  }
  if (!database.lease_ended() || !is_marked_test_database(maintenance, database.name)) return {};
  lock = AdvisoryLock::try_once(maintenance, DatabaseSwap::lock_of_target(database.name));
  return lock ? fmt::format("its lease ended ({})", whose) : "";
}

}  // namespace

void lease_database(postgres::Connection& maintenance, const std::string& database,
                    double seconds) {
  const std::int64_t now =
      maintenance.query("SELECT extract(epoch FROM clock_timestamp())::bigint").integer(0, 0);
  set_database_setting(
      maintenance, database, kLease,
      fmt::format("{} {} {}", host_name(), getpid(), now + static_cast<std::int64_t>(seconds)));
}

std::optional<Lease> parse_lease(const std::string& text) {
  Lease lease;
  std::istringstream in(text);
  if (!(in >> lease.host >> lease.process >> lease.ends)) return std::nullopt;
  return lease;
}

std::string clone_name(const std::string& session, std::uint64_t number) {
  return fmt::format("{}{}_{}", kClonePrefix, session, number);
}

std::string session_lock(const std::string& session) { return "session " + session; }

std::vector<AbandonedDatabase> drop_abandoned_databases(postgres::Connection& maintenance,
                                                        Reporter& reporter, bool dry_run) {
  std::vector<AbandonedDatabase> out;
  const auto rows = maintenance.query(candidates_sql());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Candidate database{rows.get(i, 0), parse_lease(rows.get(i, 1)), rows.integer(i, 2)};
    std::unique_ptr<AdvisoryLock> lock;
    const std::string reason = reason_of(database, maintenance, lock);
    if (reason.empty()) continue;
    out.push_back({database.name, reason});
    if (dry_run) continue;
    reporter.verbose("dropping {}: {}", database.name, reason);
    drop_database(maintenance, database.name);
  }
  return out;
}

}  // namespace pgcycle::server
