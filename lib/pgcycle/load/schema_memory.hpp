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
#include <string>
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

// The one that was remembered last, of any database, for a plan that is made before the server has
// told which it must be.
struct LastSchema {
  catalog::Schema schema;
  std::string key;  // `schema_key` of what it is of
};
// Throws where there is none, or none of this detail.
LastSchema last_schema(const std::string& database, catalog::SchemaDetail detail,
                       const std::filesystem::path& directory);

// Tells schemas apart: the same for those that are read from the same answers.
std::string schema_key(const Definitions& definitions, catalog::SchemaDetail detail,
                       int server_version);

}  // namespace pgcycle::load
