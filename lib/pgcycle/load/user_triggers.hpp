// Switching users' triggers off for the length of a transaction.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Disables every enabled user trigger of the tables; returns the statements
// that give each its former state back. Needs the tables' owner.
std::vector<std::string> rest_user_triggers(postgres::Connection& connection,
                                            const std::vector<const catalog::Table*>& tables);

}  // namespace pgcycle::load
