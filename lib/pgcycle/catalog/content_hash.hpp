// What the tables hold, as counts and hashes that do not depend on the order of rows or columns.
//
// Thread rule: one thread, that of the connection.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::catalog {

struct TableContent {
  std::int64_t rows = 0;
  std::string hash;

  bool operator==(const TableContent&) const = default;
};

// By name, of all the user's tables; sequences by their position. Reads
// every row. Partitions count with their parent.
std::map<std::string, TableContent> content_of(postgres::Connection& connection);

// What differs, one line each: "public.a: 3 rows -> 4 rows", "public.b: other rows".
std::vector<std::string> compare(const std::map<std::string, TableContent>& from,
                                 const std::map<std::string, TableContent>& to);

}  // namespace pgcycle::catalog
