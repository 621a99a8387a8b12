// A turn that runs take by name: an advisory lock of PostgreSQL, held by a
// session and gone with it. Behind a pooler by a transaction of another session.
//
// Waits by polling, so that no transaction stays open meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

class AdvisoryLock {
 public:
  enum class Mode { exclusive, shared };

  // `name` is hashed to the lock's key. Says once who holds it while it waits.
  AdvisoryLock(postgres::Connection& connection, std::string_view name, Reporter& reporter,
               Mode mode = Mode::exclusive);
  // The same. Once it is held, `question` is asked, in the same round trip.
  AdvisoryLock(postgres::Connection& connection, std::string_view name, Reporter& reporter,
               const std::string& question, std::optional<postgres::Result>& answer);
  // Does not wait: nothing when another session has it.
  static std::unique_ptr<AdvisoryLock> try_once(postgres::Connection& connection,
                                                std::string_view name);
  ~AdvisoryLock();
  // Lets go by the statement that `send` is given; where that throws, it is held on to.
  void release(const std::function<void(const std::string&)>& send);
  AdvisoryLock(const AdvisoryLock&) = delete;
  AdvisoryLock& operator=(const AdvisoryLock&) = delete;

 private:
  AdvisoryLock(postgres::Connection& connection, std::string key, Mode mode);
  // Where it is free, takes it and asks the questions.
  std::optional<std::vector<postgres::Result>> try_lock(std::vector<postgres::Statement> questions);

  postgres::Connection& connection_;
  std::optional<postgres::Connection> own_;  // where the session is a pooler's
  std::string key_;
  Mode mode_;
  bool held_ = false;
};

// A turn that belongs to a transaction which stays open as long as the object lives, so that it
// also holds behind a pooler that hands out its sessions by transaction. That transaction has no
// snapshot: it holds back neither vacuum nor CREATE INDEX CONCURRENTLY. While it waits for its
// turn, none is open.
class TransactionLock {
 public:
  // `connection` is for this alone.
  TransactionLock(postgres::Connection connection, std::string_view name, Reporter& reporter);
  ~TransactionLock();
  TransactionLock(const TransactionLock&) = delete;
  TransactionLock& operator=(const TransactionLock&) = delete;

  // Throws Error{connect} where the session, and with it the turn, was lost.
  void require_held();

 private:
  postgres::Connection connection_;
};

}  // namespace pgcycle::server
