// A database that is built aside and renamed in.
//
// Both renames are one transaction: whenever it is cut off, the target's name
// stands for the old database or for the new one. Databases aside have names
// made from the target's, so that the next swap of this target finds and drops
// what a killed one left. Swaps of one target take turns by an advisory lock.
#pragma once

#include <string>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::server {

class DatabaseSwap {
 public:
  // Waits for the target's turn and drops what an earlier swap of it left.
  DatabaseSwap(postgres::Connection& maintenance, const Target& target, Reporter& reporter);
  // Drops the new database unless it was renamed in.
  ~DatabaseSwap();
  DatabaseSwap(const DatabaseSwap&) = delete;
  DatabaseSwap& operator=(const DatabaseSwap&) = delete;

  // Takes a database that is there as the new one.
  void adopt(const std::string& database);
  // The name of the database aside, for those who make it in another way.
  const std::string& new_name() const { return new_name_; }
  postgres::ConnectionInfo new_database() const { return target_.info.with_database(new_name_); }

  // The new database may be dropped so many seconds from now (lease.hpp).
  void lease(double seconds) { lease_seconds_ = seconds; }

  // Leaves the old database for `drop_old`, or the next swap of the target.
  void keep_old() { keeps_old_ = true; }

  // The old database stays, under this name, and the new one gets no mark of a test database:
  // for databases that must not be destroyed.
  void keep_old_as(const std::string& name);

  // Ends the sessions on the target, gives its name to the new database and drops the
  // old one. The new database is marked as a test database and takes over the old one's
  // owner, grants and settings, or those of `properties_from` where there is no old one.
  // True where there was one. Throws Error{step} naming sessions that will not go.
  bool rename_in(const std::string& properties_from = {});

  // Drops what swaps of `target` left under the old database's name.
  static void drop_old(postgres::Connection& maintenance, const std::string& target);
  // The advisory lock under which `target` is replaced.
  static std::string lock_of_target(const std::string& target);
  // The advisory lock of the target that has these databases aside; empty for any other
  // name. Whoever gets the lock may drop them.
  static std::string lock_of_database_aside(const std::string& name);

 private:
  void drop_aside() noexcept;
  void rename_both();
  void rename_while_ending_sessions();

  postgres::Connection& maintenance_;
  const Target& target_;
  Reporter& reporter_;
  double lease_seconds_ = 0;
  bool keeps_old_ = false;
  bool marks_new_ = true;
  bool has_new_ = true;  // as far as is known
  std::string id_;
  std::string new_name_;
  std::string old_name_;
  AdvisoryLock turn_;
};

}  // namespace pgcycle::server
