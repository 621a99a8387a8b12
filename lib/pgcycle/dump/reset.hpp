// "Give me the database as the dump has it, now."
//
// The dump is restored into a database aside; then both names change in one
// transaction while sessions on the old one are ended. Whenever a run is
// killed, the target's name stands for the old database or the new one, whole;
// what is left aside is dropped by the next run. Runs on one target take turns
// by an advisory lock. The restored dump stays as a template (template_cache.hpp),
// which later resets clone.
//
// Errors: Error{guard} before anything is touched; Error{step} from the restore;
// Error{connect}.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/dump/restore.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/server/template_cache.hpp"

namespace pgcycle::dump {

// How a dump's rows are masked on their way to the server.
struct RowMasking {
  std::string key;  // of all that it depends on; part of the cache's key
  std::function<void(const RestoreRequest&)> restore;  // in place of dump::restore
};

struct ResetRequest {
  const server::Target& target;
  const Config& config;
  const DumpFile* dump = nullptr;  // or
  std::string template_database;   // a database of the same server, to be copied
  unsigned clones = 0;             // N: TARGET_1 … TARGET_N in place of TARGET
  double lease_seconds = 0;        // the databases may be dropped after that; 0: they stay
  unsigned jobs = 1;
  bool use_cache = true;  // keep the restored dump as a template and clone it next time
  OwnersAndGrants owners = OwnersAndGrants::left_out;
  const RowMasking* masking = nullptr;
  bool dry_run = false;
  bool finish_later = false;  // leave to `finish_reset` what the user need not wait for
  Environment environment;
  Reporter& reporter;
};

struct ResetDatabase {
  postgres::ConnectionInfo info;
  bool replaced = false;  // it was there before
};

struct ResetReport {
  server::DatabaseContents contents;
  std::vector<ResetDatabase> databases;
  bool from_cache = false;
  std::string template_key;         // of the template that was cloned
  std::vector<std::string> pruned;  // templates dropped past the cache's limits
};

// The key under which the restored dump is cached on that server.
std::string cache_key_of(const DumpFile& dump, OwnersAndGrants owners, const RowMasking* masking,
                         const Config& config, postgres::Connection& maintenance);
server::CacheLimits cache_limits(const Config& config);
// Makes the database, as the dump says how, restores the dump into it and analyses it; where
// `finish_reset` comes after, by a small sample.
server::DatabaseContents fill_database(const ResetRequest& request,
                                       const server::NewDatabase& fresh);

// The template of the dump, which is restored first where it is missing.
server::HeldTemplate hold_template(const ResetRequest& request, postgres::Connection& maintenance);

ResetReport reset(const ResetRequest& request);

// Drops the old database of a reset that has `finish_later` and, on the project's own server,
// analyses what was just restored by the full sample and makes a spare of the template for the
// next reset. When it never runs or is cut off, the next reset drops the database, makes its
// clone itself and analyses the template then.
void finish_reset(const ResetRequest& request, const ResetReport& report);

}  // namespace pgcycle::dump
