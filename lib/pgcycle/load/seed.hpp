// Fixtures and golden records into a database.
//
// One transaction: empty the tables in scope, load the rows in foreign-key order (small tables
// together, large ones by COPY), prove every foreign key, set the sequences, refresh
// materialised views. A run that fails or is killed leaves the database as it was. Of a
// database that was seeded before, only what has changed since is loaded (seed_memory.hpp).
//
// Errors: Error{guard}; Error{check} where fixtures and schema have drifted
// apart; Error{input} for fixtures and golden records; Error{statement} with the
// place of the row that the server refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/load/seed_plan.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

struct SeedRequest {
  const server::Target& target;
  const Config& config;
  SeedInput input;
  Reporter& reporter;
  bool dry_run = false;
  bool force = false;          // load everything, whatever is known of the database
  bool fire_triggers = false;  // users' triggers see the rows
  // Else into a copy of the database (aside_load.hpp).
  bool single_transaction = true;
  unsigned jobs = 1;  // sessions, where work outside that transaction can be shared out
  std::filesystem::path memory_directory = {};  // empty: nothing is remembered
};

struct SeedReport {
  struct TableReport {
    std::string table;
    std::uint64_t rows = 0;
  };
  std::vector<TableReport> tables;  // those that were loaded, in the order of loading
  std::size_t tables_unchanged = 0;
  std::size_t golden_inserted = 0;
  std::size_t golden_changed = 0;
  std::size_t golden_removed = 0;
  std::size_t foreign_keys_proven = 0;
  std::size_t sequences_set = 0;
  std::size_t views_refreshed = 0;
  std::vector<std::string> adaptations;
};

SeedReport seed(const SeedRequest& request);

// Seeds one database again and again: it keeps its session, the schema, and what it knows of files
// and tables, so that a run does little more than what is left to do.
//
// Thread rule: one thread.
class Seeder {
 public:
  // `request` without dry_run and with single_transaction; what it refers to must outlive this.
  explicit Seeder(const SeedRequest& request);
  ~Seeder();
  Seeder(const Seeder&) = delete;
  Seeder& operator=(const Seeder&) = delete;

  SeedReport run(bool force = false);
  // What can wait until nobody does: writes down what was seeded, for later processes, and finds
  // out where the write-ahead log stands.
  void settle();

 private:
  friend SeedReport seed(const SeedRequest& request);
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgcycle::load
