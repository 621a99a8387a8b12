// A turn that runs take by name: an advisory lock of PostgreSQL, held by a
// session and gone with it.
//
// Waits by polling, so that no transaction stays open meanwhile.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

class AdvisoryLock {
 public:
  enum class Mode { exclusive, shared };

  // `name` is hashed to the lock's key. Says once who holds it while it waits.
  AdvisoryLock(postgres::Connection& connection, std::string_view name, Reporter& reporter,
               Mode mode = Mode::exclusive);
  // Does not wait: nothing when another session has it.
  static std::unique_ptr<AdvisoryLock> try_once(postgres::Connection& connection,
                                                std::string_view name);
  ~AdvisoryLock();
  AdvisoryLock(const AdvisoryLock&) = delete;
  AdvisoryLock& operator=(const AdvisoryLock&) = delete;

 private:
  AdvisoryLock(postgres::Connection& connection, std::string key)
      : connection_(connection), key_(std::move(key)), mode_(Mode::exclusive) {}

  postgres::Connection& connection_;
  std::string key_;
  Mode mode_;
};

}  // namespace pgcycle::server
