// What keeps a production database safe.
//
// A program that destroys data calls `require_test_database` first. It passes
// only for a database that is proven to be a test database: on the managed
// server, marked by pgcycle, or listed in `guard.allow`, or when there is no database of
// that name, so that nothing would be destroyed. Whatever is listed, it
// refuses the database that `production.url` names, told by the server's system
// identifier and the database's oid, however either was named.
//
// The mark is a setting of the database that holds these two numbers
// (`pgcycle.test_database`). A dump does not carry it, a copy has another oid.
//
// Errors: Error{guard}; nothing else passes or skips a guard.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::server {

struct DatabaseIdentity {
  std::string system_identifier;  // of the cluster, from initdb
  std::uint32_t oid = 0;
  // Embedded servers begin as copies of one cluster and share its identifier, so for
  // them the postmaster's start tells one from another. Empty for all other servers,
  // where a promoted standby counts as the same.
  std::string started_at;

  bool operator==(const DatabaseIdentity&) const = default;
};

// The identity of the database that the session is in.
DatabaseIdentity identity_of(postgres::Connection& connection, ServerKind kind);

bool database_exists(postgres::Connection& maintenance, const std::string& database);

// Marks a database as one that pgcycle made.
void mark_test_database(postgres::Connection& maintenance, const std::string& database);
bool is_marked_test_database(postgres::Connection& maintenance, const std::string& database);

// Throws unless `target` may be destroyed. `action` completes "refused to …".
void require_test_database(postgres::Connection& maintenance, const Target& target,
                           const Config& config, Reporter& reporter, std::string_view action);

}  // namespace pgcycle::server
