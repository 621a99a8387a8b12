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
// Who hears of the sources by their number.
struct CopyListener {
  std::function<void(std::size_t source, const fixture::Row& row)> row;  // of each; may be empty
  std::function<void(std::size_t source, std::uint64_t rows)> finish;
};
// All of them in one message, behind the statements `before`.
void copy_all_rows(postgres::Connection& connection, const std::vector<std::string>& before,
                   const std::vector<const RowSource*>& sources, const CopyListener& listener);

}  // namespace pgcycle::load
