#include "pgcycle/migrate/lock_patience.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>

#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

using Clock = std::chrono::steady_clock;

// Behind a pooler the process is not known, but for its application's name.
constexpr const char* kBlockers = R"(
SELECT string_agg(format('process %s (%s%s, %s for %s s%s): %s', pid, usename,
    coalesce(', ' || nullif(application_name, ''), ''), state,
    extract(epoch FROM clock_timestamp() - coalesce(xact_start, state_change))::integer,
    coalesce(', waits for a ' || wait_event_type, ''),
    left(regexp_replace(query, '\s+', ' ', 'g'), 100)), E'\n' ORDER BY pid)
FROM pg_catalog.pg_stat_activity WHERE pid IN (
  SELECT unnest(pg_catalog.pg_blocking_pids(a.pid)) FROM pg_catalog.pg_stat_activity a
  WHERE a.pid = $1::integer OR a.wait_event_type = 'Lock' AND a.datname = current_database()
    AND a.application_name = $2))";

void pause_with_jitter(double seconds) {
  static thread_local std::mt19937 random{std::random_device{}()};
  const double wanted = seconds * std::uniform_real_distribution<>(0.5, 1.5)(random);
  const auto until = Clock::now() + std::chrono::duration<double>(wanted);
  while (Clock::now() < until) {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

bool is_lock_failure(const Error& error) {
  return error.sqlstate() == "55P03" || error.sqlstate() == "40P01";
}

LockPatience::LockPatience(const server::Target& target, LockSettings settings, int backend,
                           Reporter& reporter)
    : target_(target), settings_(settings), backend_(backend), reporter_(reporter) {
  if (settings_.timeout_seconds > 0) thread_ = std::thread([this] { watch(); });
}

LockPatience::~LockPatience() {
  {
    const std::lock_guard guard(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string LockPatience::setting() const { return setting("SET LOCAL"); }

std::string LockPatience::session_setting() const { return setting("SET"); }

std::string LockPatience::setting(std::string_view command) const {
  if (settings_.timeout_seconds <= 0) return {};
  return fmt::format("{} lock_timeout = '{:.0f}ms'", command,
                     std::max(1.0, settings_.timeout_seconds * 1000));
}

void LockPatience::run(const std::function<void()>& attempt) {
  const auto start = Clock::now();
  double pause = std::clamp(settings_.timeout_seconds / 2, 0.05, 5.0);
  for (int tries = 1;; ++tries) {
    {
      const std::lock_guard guard(mutex_);
      running_ = true;
      since_ = Clock::now();
      blocker_.clear();
    }
    try {
      attempt();
      const std::lock_guard guard(mutex_);
      running_ = false;
      return;
    } catch (const Error& error) {
      const std::string in_the_way = blocker();
      const double waited = std::chrono::duration<double>(Clock::now() - start).count();
      if (!is_lock_failure(error) || settings_.timeout_seconds <= 0) throw;
      const std::string named = in_the_way.empty() ? "" : "\nin the way: " + in_the_way;
      if (waited >= settings_.wait_seconds) {
        throw Error(error)
            .detail(fmt::format("tried {} times in {:.0f} s{}{}{}", tries, waited, named,
                                error.detail().empty() ? "" : "\n", error.detail()))
            .hint("end the session that is in the way, or run up again when it is gone");
      }
      reporter_.notice("no lock within {:.3g} s, trying again{}{}", settings_.timeout_seconds,
                       in_the_way.empty() ? "" : ": in the way is ", in_the_way);
    } catch (...) {
      blocker();
      throw;
    }
    pause_with_jitter(pause);
    pause = std::min(pause * 1.5, 15.0);
  }
}

// Who was in the way of the attempt that has just ended.
std::string LockPatience::blocker() {
  const std::lock_guard guard(mutex_);
  running_ = false;
  return blocker_;
}

// Looks now and then, by itself: waking it for each attempt would cost more than most of them.
void LockPatience::watch() {
  const auto patience = std::chrono::duration<double>(settings_.timeout_seconds / 2);
  const auto pause = std::clamp(patience / 4, std::chrono::duration<double>(0.01),
                                std::chrono::duration<double>(0.5));
  std::optional<postgres::Connection> connection;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, pause, [this] { return done_; })) {
    if (!running_ || Clock::now() - since_ < patience) continue;
    const auto attempt = since_;
    lock.unlock();
    std::string found;
    try {
      if (!connection) connection = open_plain(target_, reporter_);
      found = connection->query(kBlockers, {std::to_string(backend_), target_.application_name})
                  .get(0, 0);
    } catch (const Error&) {  // only to tell more
      connection.reset();
    }
    lock.lock();
    if (attempt == since_ && !found.empty()) blocker_ = std::move(found);
  }
}

}  // namespace pgcycle::migrate
