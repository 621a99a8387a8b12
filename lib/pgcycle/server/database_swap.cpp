#include "pgcycle/server/database_swap.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::server {

namespace {

using postgres::quote_identifier;
using namespace std::chrono_literals;

void end_sessions(postgres::Connection& connection, const std::string& database) {
  connection.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE datname = $1 AND pid <> pg_backend_pid()",
      {database});
}

// Ends whatever connects to either database, for as long as it lives.
class SessionEnder {
 public:
  SessionEnder(const Target& target, std::string database, Reporter& reporter)
      : connection_(open_maintenance(target, reporter)),
        database_(std::move(database)),
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
        end_sessions(connection_, database_);
      } catch (const Error&) {
        return;  // not our role's sessions: the rename itself will say so
      }
      std::this_thread::sleep_for(5ms);
    }
  }

  postgres::Connection connection_;
  std::string database_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace

DatabaseSwap::DatabaseSwap(postgres::Connection& maintenance, const Target& target,
                           Reporter& reporter)
    : maintenance_(maintenance), target_(target), reporter_(reporter) {
  const std::string id = to_hex(sha256(target.database())).substr(0, 16);
  new_name_ = "pgcycle_new_" + id;
  old_name_ = "pgcycle_old_" + id;
  for (const std::string& name : {new_name_, old_name_}) {
    if (!database_exists(maintenance_, name)) continue;
    reporter_.verbose("dropping {}, left by a run that was cut off", name);
    drop(name);
  }
}

DatabaseSwap::~DatabaseSwap() { drop_aside(); }

void DatabaseSwap::drop_aside() noexcept {
  try {
    if (database_exists(maintenance_, new_name_)) drop(new_name_);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the next run drops it
  }
}

void DatabaseSwap::drop(const std::string& name) {
  end_sessions(maintenance_, name);
  maintenance_.execute(fmt::format("DROP DATABASE {} WITH (FORCE)", quote_identifier(name)));
}

void DatabaseSwap::create_new() {
  maintenance_.execute(
      fmt::format("CREATE DATABASE {} TEMPLATE template0", quote_identifier(new_name_)));
}

void DatabaseSwap::rename_in() {
  const std::string target = quote_identifier(target_.database());
  if (!database_exists(maintenance_, target_.database())) {
    const SessionEnder ender(target_, new_name_, reporter_);
    maintenance_.execute(
        fmt::format("ALTER DATABASE {} RENAME TO {}", quote_identifier(new_name_), target));
    return;
  }
  rename_while_ending_sessions();
  drop(old_name_);
}

void DatabaseSwap::rename_while_ending_sessions() {
  const std::string target = quote_identifier(target_.database());
  // The first rename locks the old database's name: new sessions wait for the
  // end of the transaction and then meet the new database.
  const SessionEnder old_sessions(target_, target_.database(), reporter_);
  const SessionEnder new_sessions(target_, new_name_, reporter_);
  for (int attempt = 0;; ++attempt) {
    try {
      postgres::Transaction swap(maintenance_);
      maintenance_.execute(
          fmt::format("ALTER DATABASE {} RENAME TO {}", target, quote_identifier(old_name_)));
      maintenance_.execute(
          fmt::format("ALTER DATABASE {} RENAME TO {}", quote_identifier(new_name_), target));
      swap.commit();
      return;
    } catch (const Error& error) {
      if (error.sqlstate() != "55006" || attempt == 2) {
        throw Error(ErrorCode::step, fmt::format("cannot replace {}: {}", target, error.message()))
            .detail(error.detail())
            .hint("end the sessions that keep it in use, then run again; the database is as it was")
            .sqlstate(error.sqlstate());
      }
    }
  }
}

}  // namespace pgcycle::server
