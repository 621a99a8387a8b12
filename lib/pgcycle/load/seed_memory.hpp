// What a database was seeded with, so that a seed does only what is left to do.
//
// The database bears a token (the note "pgcycle.seed"); a file under the project's .pgcycle/
// of that name holds, for each table, the hash of what was loaded and the transaction that
// loaded it. A table is as it was while all of its rows are of that transaction and none is
// missing: whoever inserts, updates, deletes or truncates shows in that, on any server and
// with any rights. Definitions of columns and values of sequences are compared too. A file
// that is missing, or not of this database, means that everything is loaded again.
//
// Errors: none for what cannot be remembered; the caller is told.
#pragma once

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

// The hash of every byte that a seed is made of: fixtures, golden records, options.
std::string hash_of_input(const SeedInput& input);

// Tables by their hash: of the fixture's file, or of the merged rows.
std::map<catalog::QualifiedName, std::string> hashes_of_sources(const SeedPlan& plan,
                                                               const SeedInput& input);

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

  // Whether the database is as that seed left it, by one exchange with the server.
  bool holds(postgres::Connection& connection, const std::string& input_hash) const;
  // Tables whose rows were written to, or whose source is another one now, and sequences that
  // moved.
  struct Changes {
    std::set<catalog::QualifiedName> tables;
    std::set<std::string> sequences;  // as SQL
  };
  // Nothing where everything must be loaded again.
  std::optional<Changes> changes(
      postgres::Connection& connection,
      const std::map<catalog::QualifiedName, std::string>& sources) const;

  // Takes down, in the transaction that loaded `loaded`, what the database now holds.
  static SeedMemory take(postgres::Connection& connection, const SeedPlan& plan,
                         const std::string& input_hash,
                         const std::map<catalog::QualifiedName, std::string>& sources,
                         const std::set<catalog::QualifiedName>& loaded,
                         const std::optional<SeedMemory>& before);
  // After that transaction's commit.
  void keep(postgres::Connection& connection, const std::filesystem::path& directory) const;

  std::size_t table_count() const { return tables_.size(); }

 private:
  struct Look {
    std::string columns;
    std::vector<std::string> sequences;  // of each, its value
    std::vector<std::string> rows;       // of each table
  };
  Look look(postgres::Connection& connection) const;

  std::string token_;
  std::string input_;
  std::string columns_;    // digest of the columns' definitions
  std::vector<std::string> sequence_names_;
  std::vector<std::string> sequence_values_;
  std::map<catalog::QualifiedName, Table> tables_;
};

}  // namespace pgcycle::load
