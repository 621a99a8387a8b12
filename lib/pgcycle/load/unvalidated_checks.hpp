// Taking CHECK constraints that are NOT VALID out of the way of rows that are older than they.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Drops those of the tables and their partitions; returns the statements that put them back, with
// their comments. Leaves those whose tables the role does not own.
std::vector<std::string> rest_unvalidated_checks(postgres::Connection& connection,
                                                 const std::vector<const catalog::Table*>& tables);

}  // namespace pgcycle::load
