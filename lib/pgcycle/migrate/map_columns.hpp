// The data step NAME.map-columns.json: values of old columns taken over into new ones, with
// casts and defaults, and a count of what is lost (docs/migrations.md).
//
// Runs inside the caller's transaction. A value is lost where it is there in the old column and
// does not come back when the new one is cast to the old one's type.
//
// Errors: Error{input} with the place in the file; Error{step} for a value that cannot be cast;
// Error{check} when more is lost than the file allows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::migrate {

struct MapColumnsReport {
  std::uint64_t rows = 0;
  std::string lost;  // "12 values of amount_text, 3 of …"; empty: nothing
};

MapColumnsReport run_map_columns(postgres::Connection& connection,
                                 const std::filesystem::path& file);

}  // namespace pgcycle::migrate
