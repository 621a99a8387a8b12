// The data step NAME.rekey.json: new keys for a table, carried through every
// foreign key and declared soft reference (docs/migrations.md).
//
// Runs inside the caller's transaction. Foreign keys are dropped and made again, which proves them,
// and so are unique keys where keys change places; user triggers rest. The schema is made as it was
// by its inventory. Before it returns it proves that each reference has as many links as before and
// to the same rows.
//
// Errors: Error{input} with the place in the file; Error{step} when two rows would get one key;
// Error{check} when the proof fails.
#pragma once

#include <cstdint>
#include <filesystem>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::migrate {

struct RekeyReport {
  std::uint64_t keys = 0;        // rows whose key changed
  std::uint64_t references = 0;  // foreign keys and soft references carried along
  std::uint64_t links = 0;       // references that were rewritten
};

RekeyReport run_rekey(postgres::Connection& connection, const std::filesystem::path& file);

}  // namespace pgcycle::migrate
