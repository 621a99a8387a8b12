// The catalogue as it was read for an earlier seed, so that it is not read again: that takes the
// server longer than a small seed.
//
// A file under the project's .pgcycle/ holds the server's answers; its name is a hash of the
// definitions that the answers tell of, of the questions and of who asked. Databases that were
// cloned from one template share it.
//
// Errors: none for what cannot be remembered; the catalogue is read then.
#pragma once

#include <filesystem>
#include <string_view>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/load/seed_memory.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

constexpr std::string_view kSchemaFilePrefix = "schema-";

// The schema of a database whose definitions were of these digests just before the call.
catalog::Schema remembered_schema(postgres::Connection& connection, catalog::SchemaDetail detail,
                                  const Definitions& definitions,
                                  const std::filesystem::path& directory);

}  // namespace pgcycle::load
