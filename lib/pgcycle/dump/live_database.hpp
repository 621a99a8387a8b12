// A copy of a database that is there, in place of a dump.
#pragma once

#include "pgcycle/dump/reset.hpp"
#include "pgcycle/server/database_swap.hpp"

namespace pgcycle::dump {

// Fills `swap`'s new database with what `request.template_database` holds. Its sessions
// are left alone: where there are any, it is dumped and restored instead of copied.
// Throws Error{usage} when there is no such database.
server::DatabaseContents copy_live_database(const ResetRequest& request,
                                            postgres::Connection& maintenance,
                                            server::DatabaseSwap& swap);

}  // namespace pgcycle::dump
