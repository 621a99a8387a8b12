// Fixtures and golden records into a database.
//
// One transaction: wipe the tables in scope, COPY the rows in foreign-key order,
// prove every foreign key, set the sequences, refresh materialised views. A run
// that fails or is killed leaves the database as it was.
//
// Errors: Error{guard}; Error{check} where fixtures and schema have drifted
// apart; Error{input} for fixtures and golden records; Error{statement} with the
// place of the row that the server refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

struct SeedRequest {
  const server::Target& target;
  const Config& config;
  std::filesystem::path fixtures_directory;
  std::filesystem::path golden_directory;
  std::string scenario;  // empty: every golden file
  bool dry_run = false;
  Reporter& reporter;
};

struct SeedReport {
  struct TableReport {
    std::string table;
    std::uint64_t rows = 0;
  };
  std::vector<TableReport> tables;  // in the order of loading
  std::size_t golden_inserted = 0;
  std::size_t golden_changed = 0;
  std::size_t golden_removed = 0;
  std::size_t foreign_keys_proven = 0;
  std::size_t sequences_set = 0;
  std::size_t views_refreshed = 0;
};

SeedReport seed(const SeedRequest& request);

}  // namespace pgcycle::load
