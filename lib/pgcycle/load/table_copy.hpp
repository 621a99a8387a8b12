// One table's rows by COPY.
#pragma once

#include <cstdint>

#include "pgcycle/load/row_source.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Returns how many there were. Throws Error{statement} at the place of the row that the server
// refused.
std::uint64_t copy_rows(postgres::Connection& connection, const RowSource& source);

}  // namespace pgcycle::load
