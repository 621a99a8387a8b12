#include "pgcycle/server/database_swap.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_properties.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/lease.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::server {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kNewPrefix = "pgcycle_new_";
constexpr std::string_view kOldPrefix = "pgcycle_old_";
constexpr std::size_t kIdDigits = 16;

std::string id_of(const std::string& target) { return to_hex(sha256(target)).substr(0, kIdDigits); }

std::string lock_name(std::string_view id) { return fmt::format("swap {}", id); }

// Ends whatever connects to either database, for as long as it lives.
class SessionEnder {
 public:
  SessionEnder(const Target& target, std::string one, std::string other, Reporter& reporter)
      : connection_(open_maintenance(target, reporter)),
        one_(std::move(one)),
        other_(std::move(other)),
        thread_([this] { run(); }) {}
  ~SessionEnder() {
    done_ = true;
    thread_.join();
  }
  SessionEnder(const SessionEnder&) = delete;
  SessionEnder& operator=(const SessionEnder&) = delete;

 private:
  void run() {
    while (!done_) {
      try {
        end_sessions(connection_, {one_, other_});
      } catch (const Error&) {
        return;  // not our role's sessions: the rename itself will say so
      }
      std::this_thread::sleep_for(5ms);
    }
  }

  postgres::Connection connection_;
  std::string one_;
  std::string other_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace

DatabaseSwap::DatabaseSwap(postgres::Connection& maintenance, const Target& target,
                           Reporter& reporter)
    : maintenance_(maintenance),
      target_(target),
      reporter_(reporter),
      id_(id_of(target.database())),
      new_name_(std::string(kNewPrefix) + id_),
      old_name_(std::string(kOldPrefix) + id_),
      turn_(maintenance, lock_name(id_), reporter) {
  const auto rows = maintenance_.query("SELECT datname FROM pg_database WHERE datname IN ($1, $2)",
                                       {new_name_, old_name_});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    reporter_.verbose("dropping {}, left by a run that was cut off", rows.get(i, 0));
    drop_database(maintenance_, rows.get(i, 0));
  }
}

std::string DatabaseSwap::lock_of_target(const std::string& target) {
  return lock_name(id_of(target));
}

std::string DatabaseSwap::lock_of_database_aside(const std::string& name) {
  for (const std::string_view prefix : {kNewPrefix, kOldPrefix}) {
    if (name.starts_with(prefix) && is_hex(name.substr(prefix.size()), kIdDigits)) {
      return lock_name(name.substr(prefix.size()));
    }
  }
  return {};
}

DatabaseSwap::~DatabaseSwap() { drop_aside(); }

void DatabaseSwap::drop_old(postgres::Connection& maintenance, const std::string& target) {
  drop_database(maintenance, std::string(kOldPrefix) + id_of(target));
}

void DatabaseSwap::drop_aside() noexcept {
  if (!has_new_) return;
  try {
    drop_database(maintenance_, new_name_);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the next run drops it
  }
}

void DatabaseSwap::adopt(const std::string& database) {
  end_sessions(maintenance_, {database});
  rename_database(maintenance_, database, new_name_);
}

void DatabaseSwap::keep_old_as(const std::string& name) {
  old_name_ = name;
  keeps_old_ = true;
  marks_new_ = false;
}

bool DatabaseSwap::rename_in(const std::string& properties_from) {
  const bool replaces = database_exists(maintenance_, target_.database());
  const std::string from = replaces ? target_.database() : properties_from;
  if (!from.empty()) carry_over_properties(maintenance_, from, new_name_, reporter_);
  if (marks_new_) mark_test_database(maintenance_, new_name_);
  if (lease_seconds_ > 0) lease_database(maintenance_, new_name_, lease_seconds_);
  throw_if_interrupted();
  if (replaces) {
    rename_while_ending_sessions();
    if (!keeps_old_) drop_database(maintenance_, old_name_);
  } else {
    rename_database(maintenance_, new_name_, target_.database());
  }
  has_new_ = false;
  return replaces;
}

// The first rename locks the old database's name: new sessions wait for the end of the
// transaction and then meet the new database.
void DatabaseSwap::rename_both() {
  postgres::Transaction swap(maintenance_);
  rename_database(maintenance_, target_.database(), old_name_);
  rename_database(maintenance_, new_name_, target_.database());
  swap.commit();
}

// Sessions are ended once; where others keep coming, they are ended as long as it takes.
void DatabaseSwap::rename_while_ending_sessions() {
  std::optional<SessionEnder> ender;
  for (int attempt = 0;; ++attempt) {
    try {
      if (attempt == 0) {
        end_sessions(maintenance_, {target_.database(), new_name_});
        maintenance_.execute("SET statement_timeout = '300ms'");
      }
      rename_both();
      maintenance_.execute("SET statement_timeout = 0");
      return;
    } catch (const Error& error) {
      if (attempt == 0) maintenance_.execute("SET statement_timeout = 0");
      const bool in_use = error.sqlstate() == "55006" || error.sqlstate() == "57014";
      const bool not_ours = attempt == 0 && error.sqlstate() == "42501";
      throw_if_interrupted();
      if ((!in_use && !not_ours) || attempt == 2) {
        throw Error(ErrorCode::step,
                    fmt::format("cannot replace \"{}\": {}", target_.database(), error.message()))
            .detail(error.detail())
            .hint("end the sessions that keep it in use, then run again; the database is as it was")
            .sqlstate(error.sqlstate());
      }
    }
    if (!ender) ender.emplace(target_, target_.database(), new_name_, reporter_);
  }
}

}  // namespace pgcycle::server
