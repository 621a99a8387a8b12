// Restoring a dump into an empty database with pg_restore.
//
// Errors: Error{step} with pg_restore's own words; the database is then as far
// as it came and is the caller's to drop.
#pragma once

#include "pgcycle/config/config.hpp"
#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::dump {

struct RestoreRequest {
  const DumpFile& dump;
  const postgres::ConnectionInfo& database;
  int server_major = 0;
  unsigned jobs = 1;
  Environment environment;
  Reporter& reporter;
};

// Owners and grants are left out, with a notice that counts them: the roles of
// the dump's server are seldom those of this one.
void restore(const RestoreRequest& request);

}  // namespace pgcycle::dump
