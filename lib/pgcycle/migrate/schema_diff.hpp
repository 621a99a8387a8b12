// Comparing two schemas, and a migration from one to the other that is proven.
//
// The proof: the migration runs on a copy of the first; then neither the catalogue nor pg_dump's
// account of the schema differ from the second's.
//
// Errors: Error{check} when the proof fails, with what is left.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/migrate/schema_source.hpp"

namespace pgcycle::migrate {

struct DiffRequest {
  std::string from;
  std::string to;
  std::vector<std::string> renames;  // "public.users.name=full_name", "public.a=b"
  bool sql = false;                  // make a migration and prove it
  bool rows = false;                 // count the rows of both
  std::size_t samples = 0;           // keys of rows that are in one only, each table
  const SchemaSourceContext& context;
};

struct TableRows {
  std::string table;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::vector<std::string> only_in_from;  // primary keys, or rows where there is none
  std::vector<std::string> only_in_to;
};

struct DiffReport {
  std::vector<catalog::ObjectChange> changes;
  std::vector<catalog::RenameGuess> guesses;
  std::string sql;
  std::vector<std::string> not_written;
  std::vector<TableRows> rows;
  std::optional<Error> unproven = {};  // what became of the proof, where the migration is none
};

DiffReport diff(const DiffRequest& request);

}  // namespace pgcycle::migrate
