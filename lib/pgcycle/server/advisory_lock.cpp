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

}  // namespace

AdvisoryLock::AdvisoryLock(postgres::Connection& connection, std::string_view name,
                           Reporter& reporter, Mode mode)
    : connection_(connection), key_(key_of(name)), mode_(mode) {
  const std::string try_lock = fmt::format("SELECT pg_try_advisory_lock{}({})",
                                           mode_ == Mode::shared ? "_shared" : "", key_);
  auto pause = std::chrono::milliseconds(1);
  for (bool told = false; !connection_.query(try_lock).boolean(0, 0);) {
    if (!told && pause > kSilentWait) {
      reporter.notice("waiting for {} to finish", holder_of(connection_, key_));
      told = true;
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
}

std::unique_ptr<AdvisoryLock> AdvisoryLock::try_once(postgres::Connection& connection,
                                                     std::string_view name) {
  const std::string key = key_of(name);
  if (!connection.query(fmt::format("SELECT pg_try_advisory_lock({})", key)).boolean(0, 0)) {
    return nullptr;
  }
  return std::unique_ptr<AdvisoryLock>(new AdvisoryLock(connection, key));
}

AdvisoryLock::~AdvisoryLock() {
  try {
    connection_.query(fmt::format("SELECT pg_advisory_unlock{}({})",
                                  mode_ == Mode::shared ? "_shared" : "", key_));
  } catch (...) {  // NOLINT(bugprone-empty-catch): a lost session has let go already
  }
}

}  // namespace pgcycle::server
