// Switching users' triggers off for the length of a transaction.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

enum class FiringTriggers {
  of_any_session,  // all that are enabled
  of_replicas      // those that fire in a session of role replica too
};

// Disables such user triggers of the tables; returns the statements that give each its former
// state back. Needs the tables' owner where there are any.
std::vector<std::string> rest_user_triggers(postgres::Connection& connection,
                                            const std::vector<const catalog::Table*>& tables,
                                            FiringTriggers which);

}  // namespace pgcycle::load
