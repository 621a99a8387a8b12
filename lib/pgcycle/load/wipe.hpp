// Emptying tables before they are loaded, in the way that costs least.
//
// TRUNCATE makes new files for a table and each of its indexes, DELETE reads every row: small
// tables are deleted from, large ones truncated. Never with CASCADE: rows of a table that is
// not to be emptied are never removed.
#pragma once

#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

struct WipeRequest {
  const catalog::Schema& schema;
  // In foreign-key order.
  const std::vector<const catalog::Table*>& tables;
  // Tables beyond these that hold what was seeded, and stay.
  const std::vector<const catalog::Table*>& kept;
  bool foreign_keys_rest = false;  // no trigger looks at what is deleted
};

// A question without parameters for the bytes that each table holds.
std::string sizes_sql(const std::vector<const catalog::Table*>& tables);

// The statements, to be run in their order; `sizes` answers sizes_sql of the tables. Throws
// Error{check} naming the foreign key where rows of another table reference one of these.
std::vector<std::string> plan_wipe(postgres::Connection& connection, const WipeRequest& request,
                                   const postgres::Result& sizes);

}  // namespace pgcycle::load
