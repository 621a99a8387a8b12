#include "pgcycle/server/advisory_lock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::server {

namespace {

// Pauses double up to this before a person hears of the wait.
constexpr auto kSilentWait = std::chrono::milliseconds(30);

std::string key_of(std::string_view name) {
  const Digest digest = sha256(fmt::format("pgcycle {}", name));
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) key = (key << 8U) | digest[i];
  return std::to_string(static_cast<std::int64_t>(key));
}

std::string holder_of(postgres::Connection& connection, const std::string& key) {
  const auto rows = connection.query(
      "SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
      "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
      "AND ((l.classid::bigint << 32) | l.objid::bigint) = $1::bigint",
      {key});
  if (rows.empty()) return "another session";
  return fmt::format("{} (process {})", rows.text(0, 1), rows.text(0, 0));
}

// Tries until it succeeds; says once who has the lock.
void poll(postgres::Connection& connection, const std::string& key, Reporter& reporter,
          const std::function<bool()>& attempt) {
  auto pause = std::chrono::milliseconds(1);
  for (bool told = false; !attempt();) {
    if (!told && pause > kSilentWait) {
      reporter.notice("waiting for {} to finish", holder_of(connection, key));
      told = true;
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
}

}  // namespace

AdvisoryLock::AdvisoryLock(postgres::Connection& connection, std::string_view name,
                           Reporter& reporter, Mode mode)
    : AdvisoryLock(connection, key_of(name), mode) {
  const std::string try_lock = fmt::format("SELECT pg_try_advisory_lock{}({})",
                                           mode_ == Mode::shared ? "_shared" : "", key_);
  poll(connection_, key_, reporter,
       [&] { return held_ = connection_.query(try_lock).boolean(0, 0); });
}

AdvisoryLock::AdvisoryLock(postgres::Connection& connection, std::string_view name,
                           Reporter& reporter, const std::string& question,
                           std::optional<postgres::Result>& answer)
    : AdvisoryLock(connection, key_of(name)) {
  const postgres::Statement try_lock{fmt::format("SELECT pg_try_advisory_lock({})", key_), {}};
  poll(connection_, key_, reporter, [&] {
    const std::vector<postgres::Result> results = connection_.query_all({try_lock, {question, {}}});
    answer = results[1];
    return held_ = results[0].boolean(0, 0);
  });
}

std::unique_ptr<AdvisoryLock> AdvisoryLock::try_once(postgres::Connection& connection,
                                                     std::string_view name) {
  const std::string key = key_of(name);
  if (!connection.query(fmt::format("SELECT pg_try_advisory_lock({})", key)).boolean(0, 0)) {
    return nullptr;
  }
  std::unique_ptr<AdvisoryLock> lock(new AdvisoryLock(connection, key));
  lock->held_ = true;
  return lock;
}

AdvisoryLock::~AdvisoryLock() {
  if (!held_) return;
  try {
    release([this](const std::string& unlock) { connection_.query(unlock); });
  } catch (...) {  // NOLINT(bugprone-empty-catch): a lost session has let go already
  }
}

void AdvisoryLock::release(const std::function<void(const std::string&)>& send) {
  send(
      fmt::format("SELECT pg_advisory_unlock{}({})", mode_ == Mode::shared ? "_shared" : "", key_));
  held_ = false;
}

TransactionLock::TransactionLock(postgres::Connection connection, std::string_view name,
                                 Reporter& reporter)
    : connection_(std::move(connection)) {
  const std::string key = key_of(name);
  poll(connection_, key, reporter, [&] {
    // By the simple protocol: the other leaves a portal, and with it a snapshot, open. So does
    // any isolation level but this one, which a database's settings may ask for.
    constexpr int kHasTransactionTimeout = 170000;
    connection_.execute(fmt::format(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0{}",
        connection_.server_version() >= kHasTransactionTimeout ? "; SET LOCAL transaction_timeout "
                                                                 "= 0"
                                                               : ""));
    if (connection_.execute(fmt::format("SELECT pg_catalog.pg_try_advisory_xact_lock({})", key))
            .boolean(0, 0)) {
      return true;
    }
    connection_.execute("ROLLBACK");
    return false;
  });
}

TransactionLock::~TransactionLock() {
  try {
    connection_.execute("COMMIT");
  } catch (...) {  // NOLINT(bugprone-empty-catch): a lost session has let go already
  }
}

void TransactionLock::require_held() { connection_.execute("SELECT 1"); }

}  // namespace pgcycle::server
