// A database that goes with the object: empty, or a dump restored.
//
// It is a clone of a session (server/lease.hpp): when the program is killed, the next run or
// `gc` drops it. No template of it stays.
//
// Thread rule: one thread. Errors: as a reset.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pgcycle/dump/reset.hpp"
#include "pgcycle/server/advisory_lock.hpp"

namespace pgcycle::dump {

class ScratchDatabase {
 public:
  // An empty one on the target's server; `database`, if named, is copied into it: no one may be
  // connected to that.
  ScratchDatabase(const server::Target& target, Reporter& reporter,
                  const std::string& database = {});
  // Restores `request.dump` on the server of `request.target`, whose own database is left alone.
  explicit ScratchDatabase(const ResetRequest& request);
  ~ScratchDatabase();
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  // The target with this database.
  const server::Target& target() const { return target_; }

 private:
  ScratchDatabase(const server::Target& target, Reporter& reporter,
                  const std::function<void(const server::NewDatabase&)>& make);

  server::Target target_;
  Reporter& reporter_;
  postgres::Connection maintenance_;
  std::unique_ptr<server::AdvisoryLock> alive_;
};

}  // namespace pgcycle::dump
