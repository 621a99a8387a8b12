// A database that is built aside and renamed in.
//
// Both renames are one transaction: whenever it is cut off, the target's name
// stands for the old database or for the new one. Databases aside have names
// made from the target's, so that the next swap of this target finds and drops
// what a killed one left. The caller holds the target's lock meanwhile.
#pragma once

#include <string>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::server {

class DatabaseSwap {
 public:
  // Drops what an earlier swap of this target left.
  DatabaseSwap(postgres::Connection& maintenance, const Target& target, Reporter& reporter);
  // Drops the new database unless it was renamed in.
  ~DatabaseSwap();
  DatabaseSwap(const DatabaseSwap&) = delete;
  DatabaseSwap& operator=(const DatabaseSwap&) = delete;

  // Makes the empty database aside.
  void create_new();
  // The name of the database aside, for those who make it in another way.
  const std::string& new_name() const { return new_name_; }
  postgres::ConnectionInfo new_database() const { return target_.info.with_database(new_name_); }

  // Ends the sessions on the target, gives its name to the new database and
  // drops the old one. Throws Error{step} naming sessions that will not go.
  void rename_in();

 private:
  void drop_aside() noexcept;
  void drop(const std::string& name);
  void rename_while_ending_sessions();

  postgres::Connection& maintenance_;
  const Target& target_;
  Reporter& reporter_;
  std::string new_name_;
  std::string old_name_;
};

}  // namespace pgcycle::server
