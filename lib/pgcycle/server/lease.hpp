// Who has a clone, and until when.
//
// A lease is a setting of the leased database (`pgcycle.lease`: host, process, end in
// seconds since 1970 by the server's clock), so that any number of hosts can share one
// server and the lease goes with the database. Besides, a session (session.hpp) has an
// advisory lock as long as it lives: its clones are named after it, so that they are
// known to be abandoned as soon as its connection is gone, before any lease ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

struct Lease {
  std::string host;
  pid_t process = 0;
  std::int64_t ends = 0;  // seconds since 1970
};

// Leases `database` to this host and process for so many seconds from now.
void lease_database(postgres::Connection& maintenance, const std::string& database, double seconds);
std::optional<Lease> parse_lease(const std::string& text);

// Names of a session's clones, and the advisory lock that the session has.
std::string clone_name(const std::string& session, std::uint64_t number);
std::string session_lock(const std::string& session);

struct AbandonedDatabase {
  std::string name;
  std::string reason;
};

// Finds databases of pgcycle that nobody has any more: built aside by a run that was cut
// off, clones of a session that is gone, leases that ended. Drops them unless `dry_run`.
// Those of another role, and any that are not provably pgcycle's own, are left alone.
std::vector<AbandonedDatabase> drop_abandoned_databases(postgres::Connection& maintenance,
                                                        Reporter& reporter, bool dry_run = false);

}  // namespace pgcycle::server
