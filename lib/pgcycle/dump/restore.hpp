// Restoring a dump into an empty database with pg_restore or psql.
//
// Errors: Error{step} with the program's own words; the database is then as far
// as it came and is the caller's to drop.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/server/template_cache.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::dump {

struct RestoreRequest {
  const DumpFile& dump;
  const postgres::ConnectionInfo& database;
  int server_major = 0;
  std::string container;  // of the server, whose programs are used if this host has none
  unsigned jobs = 1;
  OwnersAndGrants owners = OwnersAndGrants::left_out;
  Environment environment;
  Reporter& reporter;
  // With tablespaces, subscriptions and security labels, which a test database does without: onto
  // the server that the dump is of.
  bool onto_its_own_server = false;
  HasExtension has_extension = {};
};

void restore(const RestoreRequest& request);

// Runs pg_restore on an archive with these arguments and no database; its standard output goes
// to `sink`. Throws Error{step}.
void run_pg_restore(const RestoreRequest& request, std::vector<std::string> arguments,
                    const std::function<void(std::string_view)>& sink);
// What pg_restore is to leave out.
std::vector<std::string> options_that_leave_out(const RestoreRequest& request);
// The settings that make a restore faster, as the value of PGOPTIONS.
std::string_view restore_settings();

// How many rows of a table ANALYZE looks at: as many as the server is set up for, or the 300 of
// the first of vacuumdb's stages, which will do for the planner until there is time.
enum class Sample { full, small };

// Analyses all tables over `jobs` sessions and counts them and their rows.
server::DatabaseContents analyze(const postgres::ConnectionInfo& database, unsigned jobs,
                                 const std::string& application_name, Reporter& reporter,
                                 Sample sample = Sample::full);
// Counts tables and rows as they were last analysed.
server::DatabaseContents count_contents(postgres::Connection& connection);

}  // namespace pgcycle::dump
