// What a database was seeded with, so that a seed does only what is left to do.
//
// The database bears a token (the note "pgcycle.seed"); a file under the project's .pgcycle/
// of that name holds, for each table, the hash of what was loaded and the transaction that
// loaded it, and where the write-ahead log stood when all was found to be so. A table is as it was
// while all of its rows are of that transaction and none is missing: whoever inserts, updates,
// deletes or truncates shows in that, on any server and with any rights. Definitions of columns and
// values of sequences are compared too. Where the log can be read and is short, it tells which
// tables need not be looked at (server/change_tracker.hpp). A file that is missing, or not of this
// database, means that everything is loaded again.
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
#include "pgcycle/load/input_hash.hpp"
#include "pgcycle/load/seed_plan.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/change_tracker.hpp"

namespace pgcycle::load {

// Digests of the definitions that a plan is made of.
struct Definitions {
  std::string columns;  // and constraints: rows are loaded again after a change of these
  std::string others;
  std::string role;  // and what it may do
  bool operator==(const Definitions&) const = default;
};
Definitions definitions_of(postgres::Connection& connection);

class SeedMemory {
 public:
  struct Table {
    std::string from;         // as FROM names its rows
    std::string source;       // hash of what was loaded
    std::string transaction;  // that did
    std::string rows;         // "34/34": of it, and all
    std::uint32_t oid = 0;
    bool partitioned = false;
  };
  struct Sequence {
    std::string value;  // as last set
    std::uint32_t oid = 0;
    bool unlogged = false;  // it moves without a trace in the log
  };

  // What the database is known to have been seeded with; nothing for one that bears no token, or
  // whose file is not here. `tracker` must outlive this.
  static std::optional<SeedMemory> recall(postgres::Connection& connection,
                                          const std::filesystem::path& directory,
                                          server::ChangeTracker& tracker);

  // Looks where the write-ahead log stands now.
  void see_position(postgres::Connection& connection);
  // The same, by the first value of the answer to this question, where that is all there is to see.
  static std::string position_sql();
  static std::string position_and_writers_sql();
  void see_position(postgres::Connection& connection, const std::string& answer);
  // Nothing was written since the database was last found as it should be.
  bool is_unmoved() const { return !position_now_.empty() && position_ == position_now_; }
  const std::string& input() const { return input_; }
  // The log may tell what was written.
  bool has_mark() const { return mark_.is_settled; }

  // Whether the database is as that seed left it: at once where the server's write-ahead log
  // stands where it stood when this was last found, else by looking at the tables.
  bool holds(postgres::Connection& connection, const std::string& input_hash);
  // Tables whose rows were written to, or whose source is another one now, and sequences that
  // moved.
  struct Changes {
    std::set<catalog::QualifiedName> tables;
    std::set<std::string> sequences;  // as SQL
  };
  // Nothing where everything must be loaded again.
  std::optional<Changes> changes(postgres::Connection& connection, const SourceHashes& sources);
  // Whether rows of this source were loaded into the table while columns were defined like this.
  bool has_loaded(const catalog::QualifiedName& table, const std::string& source,
                  const Definitions& definitions) const;
  bool knows_sequence(const std::string& as_sql) const { return sequences_.contains(as_sql); }
  // Of the database as it is now. With `and_rows`, all that `changes` needs is looked at too.
  Definitions definitions(postgres::Connection& connection, bool and_rows);

  // What `take` asks of the transaction, once rows are in and whatever it altered is as before.
  static std::vector<postgres::Statement> questions(bool altered);
  // What a transaction did; the rest is as it was remembered.
  struct Loaded {
    std::vector<postgres::Result> answers;                   // to `questions`
    Definitions definitions;                                 // that it was planned by
    std::map<catalog::QualifiedName, std::uint64_t> tables;  // with as many rows
    std::map<std::string, std::string> sequences;            // as SQL, set to these values
  };
  // Takes down, in that transaction, what the database now holds.
  static SeedMemory take(const SeedPlan& plan, const std::string& input_hash,
                         const SourceHashes& sources, const Loaded& loaded,
                         const std::optional<SeedMemory>& before, server::ChangeTracker& tracker);
  // Where all was loaded: what to ask behind the commit, with the answers to it and, by
  // `position_and_writers_sql`, who was at work before anything was read. Spares the next seed a
  // look.
  static std::vector<postgres::Statement> questions_behind();
  void see_commit(const std::string& writers_before, const std::vector<postgres::Result>& answers);
  // After that transaction's commit, and when holds() has found another position.
  void keep(postgres::Connection& connection, const std::filesystem::path& directory);

  std::size_t table_count() const { return tables_.size(); }

 private:
  using Mark = server::ChangeTracker::Mark;
  struct Look {
    Mark mark;  // where the write-ahead log stood before
    Definitions definitions;
    std::map<std::string, std::string> sequences;  // with their values
    std::vector<std::string> rows;                 // of each table
    std::set<std::uint32_t> unlogged;              // sequences
    std::string position_after;
  };
  Look look(postgres::Connection& connection) const;
  std::optional<server::ChangeTracker::Changes> written(postgres::Connection& connection,
                                                        Mark& now) const;
  std::uint64_t bytes_worth_reading() const;
  bool has_unlogged_sequences() const;
  // With the places of those sequences that the log does not tell of.
  std::string full_position(const std::string& position, const Look& look) const;
  bool has_seen_all() const;
  void look_again(postgres::Connection& connection);
  Changes changed_sources(const SourceHashes& sources) const;

  std::string token_;
  bool is_noted_ = false;  // the database bears it
  std::string input_;
  std::string position_;  // in the write-ahead log, and of sequences that it does not tell of,
                          // before the database was found to be so
  std::string position_now_;
  Definitions definitions_;                    // others: empty where not known
  std::map<std::string, Sequence> sequences_;  // as SQL
  std::map<catalog::QualifiedName, Table> tables_;
  server::ChangeTracker* tracker_ = nullptr;
  Mark mark_;  // all of this was so then, or was made so later by its own transaction
  std::optional<Look> seen_;  // the last look
  bool seen_now_ = false;     // since the position was seen
};

}  // namespace pgcycle::load
