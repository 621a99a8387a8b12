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

// In a transaction that stays open where it succeeds. By the simple protocol: the other leaves a
// portal, and with it a snapshot, open. So does any isolation level but this one, which a
// database's settings may ask for.
bool begin_with_lock(postgres::Connection& connection, const std::string& key,
                     AdvisoryLock::Mode mode) {
  constexpr int kHasTransactionTimeout = 170000;
  connection.execute(fmt::format(
      "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0{}",
      connection.server_version() >= kHasTransactionTimeout ? "; SET LOCAL transaction_timeout = 0"
                                                            : ""));
  if (connection
          .execute(fmt::format("SELECT pg_catalog.pg_try_advisory_xact_lock{}({})",
                               mode == AdvisoryLock::Mode::shared ? "_shared" : "", key))
          .boolean(0, 0)) {
    return true;
  }
  connection.execute("ROLLBACK");
  return false;
}

}  // namespace

AdvisoryLock::AdvisoryLock(postgres::Connection& connection, std::string key, Mode mode)
    : connection_(connection), key_(std::move(key)), mode_(mode) {
  if (!connection.is_pooled()) return;
  own_ = postgres::Connection::open(connection.info(), {"pgcycle", nullptr, true});
}

AdvisoryLock::AdvisoryLock(postgres::Connection& connection, std::string_view name,
                           Reporter& reporter, Mode mode)
    : AdvisoryLock(connection, key_of(name), mode) {
  poll(connection_, key_, reporter, [&] { return try_lock({}).has_value(); });
}

AdvisoryLock::AdvisoryLock(postgres::Connection& connection, std::string_view name,
                           Reporter& reporter, const std::string& question,
                           std::optional<postgres::Result>& answer)
    : AdvisoryLock(connection, key_of(name), Mode::exclusive) {
  poll(connection_, key_, reporter, [&] {
    std::optional<std::vector<postgres::Result>> answers = try_lock({{question, {}}});
    if (answers) answer = std::move(answers->front());
    return answers.has_value();
  });
}

std::unique_ptr<AdvisoryLock> AdvisoryLock::try_once(postgres::Connection& connection,
                                                     std::string_view name) {
  std::unique_ptr<AdvisoryLock> lock(new AdvisoryLock(connection, key_of(name), Mode::exclusive));
  if (!lock->try_lock({})) return nullptr;
  return lock;
}

std::optional<std::vector<postgres::Result>> AdvisoryLock::try_lock(
    std::vector<postgres::Statement> questions) {
  if (own_) {
    if (!begin_with_lock(*own_, key_, mode_)) return std::nullopt;
    held_ = true;
    return connection_.query_all(questions);
  }
  questions.insert(questions.begin(), {fmt::format("SELECT pg_catalog.pg_try_advisory_lock{}({})",
                                                   mode_ == Mode::shared ? "_shared" : "", key_),
                                       {}});
  std::vector<postgres::Result> answers = connection_.query_all(questions);
  held_ = answers.front().boolean(0, 0);
  if (!held_) return std::nullopt;
  answers.erase(answers.begin());
  return answers;
}

AdvisoryLock::~AdvisoryLock() {
  if (!held_) return;
  try {
    release([this](const std::string& unlock) { connection_.query(unlock); });
  } catch (...) {  // NOLINT(bugprone-empty-catch): a lost session has let go already
  }
}

void AdvisoryLock::release(const std::function<void(const std::string&)>& send) {
  send(own_ ? "SELECT"
            : fmt::format("SELECT pg_catalog.pg_advisory_unlock{}({})",
                          mode_ == Mode::shared ? "_shared" : "", key_));
  if (own_) own_->execute("COMMIT");
  held_ = false;
}

TransactionLock::TransactionLock(postgres::Connection connection, std::string_view name,
                                 Reporter& reporter)
    : connection_(std::move(connection)) {
  const std::string key = key_of(name);
  poll(connection_, key, reporter,
       [&] { return begin_with_lock(connection_, key, AdvisoryLock::Mode::exclusive); });
}

TransactionLock::~TransactionLock() {
  try {
    connection_.execute("COMMIT");
  } catch (...) {  // NOLINT(bugprone-empty-catch): a lost session has let go already
  }
}

void TransactionLock::require_held() { connection_.execute("SELECT 1"); }

}  // namespace pgcycle::server
