// Rows of tables by COPY.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pgcycle/load/row_source.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Returns how many there were. Throws Error{statement} at the place of the row that the server
// refused.
std::uint64_t copy_rows(postgres::Connection& connection, const RowSource& source);
// All of them in one message, behind the statements `before`; `finish` hears of each source by its
// number, and of its rows.
void copy_all_rows(postgres::Connection& connection, const std::vector<std::string>& before,
                   const std::vector<const RowSource*>& sources,
                   const std::function<void(std::size_t, std::uint64_t)>& finish);

}  // namespace pgcycle::load
