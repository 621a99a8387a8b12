// Roles of the server that pgcycle itself runs.
#pragma once

#include <set>
#include <string>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

// Makes those that the server lacks. They may not log in, and are told of in a notice; `what` names
// them. Names that are PostgreSQL's own (pg_…) are left to whoever names them.
void make_missing_roles(postgres::Connection& maintenance, const std::set<std::string>& names,
                        const std::string& what, Reporter& reporter);

// The role that a statement failed for, where it failed because the server lacks it; else empty.
std::string role_that_is_missing(const Error& error);

}  // namespace pgcycle::server
