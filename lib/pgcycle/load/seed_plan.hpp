// What a seed loads: fixtures held against the live schema, golden records merged in.
//
// Everything that can be wrong without touching the database's data is found here and
// reported at once.
//
// Errors: Error{check} where fixtures and schema have drifted apart; Error{input} for fixtures
// and golden records, each with file, line and column.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgcycle/catalog/foreign_key_graph.hpp"
#include "pgcycle/fixture/manifest.hpp"
#include "pgcycle/fixture/merge.hpp"
#include "pgcycle/load/row_source.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

struct SeedInput {
  std::filesystem::path fixtures_directory;
  std::filesystem::path golden_directory;
  std::string scenario;  // empty: every golden file
  bool adapt = false;    // fixtures may be older than the schema
};

// The sources refer to the schema and the merged rows beside them: it stays where it is.
struct SeedPlan {
  catalog::Schema schema;
  catalog::LoadOrder order;
  fixture::Manifest manifest;
  fixture::MergeResult merged;
  std::vector<RowSource> sources;        // in foreign-key order
  std::vector<std::string> adaptations;  // what --adapt filled in or left out, as sentences

  std::vector<const catalog::Table*> tables() const;  // of the sources
  // Those of the tables without golden records: their rows may be older than a constraint.
  std::vector<const catalog::Table*> as_extracted(std::vector<const catalog::Table*> tables) const;
  // The file that a table's fixture rows come from; empty where it has none.
  std::filesystem::path file_of(const catalog::Table& table,
                                const std::filesystem::path& fixtures_directory) const;
};

using SchemaReader = std::function<catalog::Schema(catalog::SchemaDetail)>;
// Whether this file's rows are known to fit the table, so that it need not be opened.
using FitsAlready = std::function<bool(const catalog::QualifiedName&, const std::string& file)>;
std::unique_ptr<SeedPlan> make_seed_plan(const SchemaReader& read_schema, const SeedInput& input,
                                         const FitsAlready& fits_already = {});
// Reads the schema off the database.
std::unique_ptr<SeedPlan> make_seed_plan(postgres::Connection& connection, const SeedInput& input);

// What golden records say is read by the server as the columns' types, without storing it.
// Throws Error{input} with every value that is none.
void check_golden_values(postgres::Connection& connection, const SeedPlan& plan);

// $sql and defaults of golden records of these tables, by the server that will hold them. Throws
// Error{statement} at the place of an expression that fails.
void evaluate_pending(postgres::Connection& connection, SeedPlan& plan,
                      const std::vector<const catalog::Table*>& tables);

}  // namespace pgcycle::load
