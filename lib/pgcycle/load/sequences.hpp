// Sequences after a load: each set past what its columns hold.
#pragma once

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Sets every sequence that a column owns, has as its identity or names in its
// default to the furthest value in use, shared ones to that of all their
// columns; to its start where the columns are empty. Returns how many.
std::size_t set_sequences(postgres::Connection& connection, const catalog::Schema& schema);

}  // namespace pgcycle::load
