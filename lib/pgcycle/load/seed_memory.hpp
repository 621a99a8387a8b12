// What a database was seeded with, so that a seed does only what is left to do.
//
// The database bears a token (the note "pgcycle.seed"); a file under the project's .pgcycle/
// of that name holds, for each table, the hash of what was loaded and the transaction that
// loaded it, and where the write-ahead log stood when all was found to be so. A table is as it was
// while all of its rows are of that transaction and none is missing: whoever inserts, updates,
// deletes or truncates shows in that, on any server and with any rights. Definitions of columns and
// values of sequences are compared too. A file that is missing, or not of this database, means that
// everything is loaded again.
//
// Errors: none for what cannot be remembered; the caller is told.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/load/seed_plan.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Hashes of what a seed is made of.
struct InputHash {
  std::string all;                                     // fixtures, golden records, options
  std::map<std::filesystem::path, std::string> files;  // of each of them
};
InputHash hash_of_input(const SeedInput& input);

// What each table is loaded with, as a hash.
using SourceHashes = std::map<catalog::QualifiedName, std::string>;
// Of the tables that golden records were merged into; before expressions are evaluated.
SourceHashes hashes_of_merged(const SeedPlan& plan);
// Adds the others, whose fixtures are loaded as they are.
void add_hashes_of_files(SourceHashes& hashes, const SeedPlan& plan, const SeedInput& input,
                         const InputHash& input_hash);

class SeedMemory {
 public:
  struct Table {
    std::string from;         // as FROM names its rows
    std::string source;       // hash of what was loaded
    std::string transaction;  // that did
    std::string rows;         // "34/34": of it, and all
  };

  // What the database is known to have been seeded with; nothing for one that bears no token, or
  // whose file is not here.
  static std::optional<SeedMemory> recall(postgres::Connection& connection,
                                          const std::filesystem::path& directory);

  // Whether the database is as that seed left it: at once where the server's write-ahead log
  // stands where it stood when this was last found, else by looking at the tables.
  bool holds(postgres::Connection& connection, const std::string& input_hash,
             const std::filesystem::path& directory);
  // Tables whose rows were written to, or whose source is another one now, and sequences that
  // moved.
  struct Changes {
    std::set<catalog::QualifiedName> tables;
    std::set<std::string> sequences;  // as SQL
  };
  // Nothing where everything must be loaded again.
  std::optional<Changes> changes(postgres::Connection& connection,
                                 const SourceHashes& sources) const;

  // What a transaction did; the rest is as it was remembered.
  struct Loaded {
    std::map<catalog::QualifiedName, std::uint64_t> tables;  // with as many rows
    std::set<std::string> sequences;                         // set, as SQL
    bool triggers_fired = false;                             // rows must be counted
  };
  // Takes down, in that transaction, what the database now holds.
  static SeedMemory take(postgres::Connection& connection, const SeedPlan& plan,
                         const std::string& input_hash, const SourceHashes& sources,
                         const Loaded& loaded, const std::optional<SeedMemory>& before);
  // After that transaction's commit.
  void keep(postgres::Connection& connection, const std::filesystem::path& directory) const;

  std::size_t table_count() const { return tables_.size(); }

 private:
  struct Look {
    std::string position_before;  // in the write-ahead log
    std::string columns;
    std::vector<std::string> sequences;  // of each, its value
    std::vector<std::string> rows;       // of each table
    std::string position_after;
  };
  enum class Rows { looked_at, left_out };
  Look look(postgres::Connection& connection, Rows rows = Rows::looked_at) const;
  void write(const std::filesystem::path& directory) const;

  std::string token_;
  std::string input_;
  std::string position_;  // in the write-ahead log, before the database was found to be so
  std::string position_now_;
  std::string columns_;  // digest of the columns' definitions
  std::vector<std::string> sequence_names_;
  std::vector<std::string> sequence_values_;
  std::map<catalog::QualifiedName, Table> tables_;
};

}  // namespace pgcycle::load
