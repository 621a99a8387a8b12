// Loading into a copy of the database, by several sessions at once, which then takes the name
// of the database.
//
// For large data: tables are loaded side by side, without one transaction around them. Whoever
// uses the database meets the old one or the new one; a run that fails or is killed leaves the
// old one, and the next drops the copy.
//
// Errors: as those of a seed; Error{step} where sessions on the database stand in the way.
#pragma once

#include <cstdint>
#include <vector>

#include "pgcycle/load/seed_plan.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::load {

struct AsideLoadReport {
  std::vector<std::uint64_t> rows;  // of each source
  std::size_t foreign_keys_proven = 0;
  std::size_t sequences_set = 0;
  std::size_t views_refreshed = 0;
};

// `target` must have no sessions. The role must be one that may set session_replication_role.
AsideLoadReport load_aside(const server::Target& target, SeedPlan& plan, unsigned jobs,
                           Reporter& reporter);

}  // namespace pgcycle::load
