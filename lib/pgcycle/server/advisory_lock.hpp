// A turn that runs take by name: an advisory lock of PostgreSQL, held by a
// session and gone with it.
//
// Waits by polling, so that no transaction stays open meanwhile.
#pragma once

#include <string>
#include <string_view>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

class AdvisoryLock {
 public:
  // `name` is hashed to the lock's key. Says once who holds it while it waits.
  AdvisoryLock(postgres::Connection& connection, std::string_view name, Reporter& reporter);
  ~AdvisoryLock();
  AdvisoryLock(const AdvisoryLock&) = delete;
  AdvisoryLock& operator=(const AdvisoryLock&) = delete;

 private:
  postgres::Connection& connection_;
  std::string key_;
};

}  // namespace pgcycle::server
