// A migration tried on a copy: up, its checks, down, and up again, with what each statement
// takes.
//
// The copy is made on the server of a test database; any other, and a dump, is restored on the
// project's own server. It goes with the rehearsal. A clean one is noted under the hash of the
// files, so that production can ask for it.
//
// Errors: as the runner's, where a step fails on the copy.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/migrate/schema_source.hpp"

namespace pgcycle::migrate {

struct LockTaken {
  std::string mode;  // "AccessExclusiveLock"
  std::string relation;
  double held_ms = 0;  // until the end of its transaction
};

struct StatementFacts {
  std::string version;
  std::string step;
  std::string text;  // its first line
  Location place;
  double duration_ms = 0;
  std::uint64_t wal_bytes = 0;
  std::vector<LockTaken> locks;
  std::vector<std::string> rewritten;  // tables whose rows were all written again
  double estimated_ms = 0;             // on production; 0: not known
};

enum class WayBack { lossless, lossy, one_way };

std::string_view name_of(WayBack way);

struct RehearsedVersion {
  std::string version;
  WayBack way_back = WayBack::one_way;
  std::vector<std::string> differences;  // what the way back does not bring back
  double up_ms = 0;
};

struct RehearsalRequest {
  const MigrateRequest& migration;  // of the target; its `to` holds
  const SchemaSourceContext& sources;
  std::filesystem::path dump;   // empty: a copy of the target
  std::filesystem::path notes;  // directory of the notes on clean rehearsals
  bool of_production = false;   // times are estimated from its row counts
};

struct RehearsalReport {
  std::string source;
  std::string plan;  // the hash of the files
  std::vector<RehearsedVersion> versions;
  std::vector<StatementFacts> statements;
  std::vector<CheckResult> checks;
  double up_ms = 0;
  double down_ms = 0;
  double up_again_ms = 0;
  double copy_ms = 0;
};

RehearsalReport rehearse(const RehearsalRequest& request);

// Tells whether just these files were rehearsed without a fault.
bool was_rehearsed(const std::filesystem::path& notes, const std::string& plan);

}  // namespace pgcycle::migrate
