#include "pgcycle/load/seed_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <span>

namespace pgcycle::load {

namespace {

using catalog::Column;
using catalog::Table;
using fixture::ManifestTable;

class Planner {
 public:
  Planner(const SchemaReader& read_schema, const SeedInput& input, const FitsAlready& fits_already)
      : input_(input), fits_already_(fits_already) {
    golden_ = fixture::read_golden(input.golden_directory, input.scenario);
    // Keys are for golden records to be told apart by.
    plan_->schema = read_schema(golden_.records.empty() ? catalog::SchemaDetail::without_constraints
                                                        : catalog::SchemaDetail::all);
    plan_->order = catalog::load_order(plan_->schema);
    plan_->manifest = fixture::read_manifest(input.fixtures_directory);
  }

  std::unique_ptr<SeedPlan> run() {
    find_drift();
    merge();
    choose_sources();
    return std::move(plan_);
  }

 private:
  std::filesystem::path file_of(const ManifestTable& entry) const {
    return input_.fixtures_directory / entry.file;
  }

  // Everything about the fixtures that does not fit the live schema, at once.
  void find_drift() {
    ErrorList errors;
    for (const ManifestTable& entry : plan_->manifest.tables) {
      try {
        const Table* table = plan_->schema.find_table(entry.table);
        if (table == nullptr) {
          table_is_gone(entry);
          continue;
        }
        if (input_.adapt) {
          adapt(entry, *table);
        } else if (fits_already_ && fits_already_(entry.table, file_of(entry).native())) {
          continue;
        }
        source_of(entry, *table).for_each([](const fixture::Row&) {
          return false;  // the first row tells the columns
        });
      } catch (const Error& error) {
        errors.add(error);
      }
    }
    errors.raise_if_any();
  }

  void table_is_gone(const ManifestTable& entry) {
    const std::string name = entry.table.display();
    if (!input_.adapt) {
      throw Error(ErrorCode::check,
                  fmt::format("the fixtures hold {}, which the database does not have", name))
          .at(file_of(entry).string())
          .hint("migrate the database, extract the fixtures again, or let --adapt leave it out");
    }
    plan_->adaptations.push_back(fmt::format("{}: left out, the database does not have it", name));
  }

  void adapt(const ManifestTable& entry, const Table& table) {
    if (entry.columns.empty()) return;  // the manifest does not say what the file has
    fixture::ColumnDrift drift;
    std::set<std::string> in_file;
    for (const fixture::ManifestColumn& column : entry.columns) in_file.insert(column.name);
    for (const Column* column : table.stored_columns()) {
      const bool missing = in_file.erase(column->name) == 0;
      drift.missing.push_back(missing);
      if (!missing) continue;
      const bool counted = column->identity != catalog::Identity::none;
      if (column->not_null && column->default_sql.empty() && !counted) {
        throw Error(ErrorCode::check,
                    fmt::format("{}.{} is not in the fixtures, is NOT NULL and has no default",
                                table.name.display(), column->name))
            .at(file_of(entry).string())
            .hint("extract the fixtures again; --adapt fills in defaults and NULL");
      }
      plan_->adaptations.push_back(
          fmt::format("{}.{}: filled in with {}", table.name.display(), column->name,
                      counted                       ? "the next number"
                      : column->default_sql.empty() ? "NULL"
                                                    : "its default, " + column->default_sql));
    }
    const std::size_t stored = drift.missing.size();
    const auto missing =
        static_cast<std::size_t>(std::count(drift.missing.begin(), drift.missing.end(), true));
    if (stored > 0 && missing == stored && entry.rows > 0) {
      throw Error(ErrorCode::check,
                  fmt::format("{} has none of its fixture's columns", table.name.display()))
          .at(file_of(entry).string())
          .hint("extract the fixtures again, or remove this table from them");
    }
    for (const std::string& name : in_file) {
      plan_->adaptations.push_back(
          fmt::format("{}.{}: left out, the table does not have it", table.name.display(), name));
      drift.gone.insert(name);
    }
    drift_[table.name] = std::move(drift);
  }

  RowSource source_of(const ManifestTable& entry, const Table& table) const {
    const auto drift = drift_.find(table.name);
    return RowSource::streamed(file_of(entry), plan_->schema, table,
                               drift == drift_.end() ? fixture::ColumnDrift() : drift->second);
  }

  void merge() {
    plan_->merged = fixture::merge_golden(plan_->schema, golden_, [this](const Table& table) {
      std::vector<fixture::Row> rows;
      if (const ManifestTable* entry = plan_->manifest.find(table.name)) {
        source_of(*entry, table).for_each([&](const fixture::Row& row) {
          rows.push_back(row);
          return true;
        });
      }
      return rows;
    });
    for (auto& [name, table] : plan_->merged.tables) fill_in(table);
  }

  // Values that an old fixture does not have, in rows that no record gave one either.
  void fill_in(fixture::MergedTable& table) {
    const auto drift = drift_.find(table.table->name);
    if (drift == drift_.end()) return;
    const auto columns = table.table->stored_columns();
    for (std::size_t column = 0; column < columns.size(); ++column) {
      if (!drift->second.missing[column] || columns[column]->default_sql.empty()) continue;
      for (std::size_t row = 0; row < table.rows.size(); ++row) {
        if (table.origins.contains({row, column})) continue;
        table.pending.push_back({row, column, columns[column]->default_sql, table.rows[row].place});
      }
    }
  }

  void choose_sources() {
    for (const Table* table : plan_->order.tables) {
      const auto merged = plan_->merged.tables.find(table->name);
      if (merged != plan_->merged.tables.end()) {
        plan_->sources.push_back(RowSource::held(merged->second.rows, *table));
      } else if (const ManifestTable* entry = plan_->manifest.find(table->name)) {
        plan_->sources.push_back(source_of(*entry, *table));
      }
    }
  }

  const SeedInput& input_;
  const FitsAlready& fits_already_;
  fixture::GoldenRecords golden_;
  std::unique_ptr<SeedPlan> plan_ = std::make_unique<SeedPlan>();
  std::map<catalog::QualifiedName, fixture::ColumnDrift> drift_;
};

// A value of a golden record, once for all places where it stands.
struct WrittenValue {
  Location place;
  const Column* column;
};

}  // namespace

std::vector<const Table*> SeedPlan::tables() const {
  std::vector<const Table*> out;
  for (const RowSource& source : sources) out.push_back(&source.table());
  return out;
}

std::vector<const Table*> SeedPlan::as_extracted(std::vector<const Table*> tables) const {
  std::erase_if(tables, [this](const Table* table) { return merged.tables.contains(table->name); });
  return tables;
}

std::filesystem::path SeedPlan::file_of(const Table& table,
                                        const std::filesystem::path& fixtures_directory) const {
  const ManifestTable* entry = manifest.find(table.name);
  return entry == nullptr ? std::filesystem::path() : fixtures_directory / entry->file;
}

std::unique_ptr<SeedPlan> make_seed_plan(const SchemaReader& read_schema, const SeedInput& input,
                                         const FitsAlready& fits_already) {
  return Planner(read_schema, input, fits_already).run();
}

std::unique_ptr<SeedPlan> make_seed_plan(postgres::Connection& connection, const SeedInput& input) {
  return make_seed_plan(
      [&connection](catalog::SchemaDetail detail) {
        return catalog::load_schema(connection, detail);
      },
      input);
}

void check_golden_values(postgres::Connection& connection, const SeedPlan& plan) {
  std::map<std::pair<std::string, std::string>, WrittenValue> values;  // by type and text
  for (const auto& [name, table] : plan.merged.tables) {
    const auto columns = table.table->stored_columns();
    for (const auto& [cell, origin] : table.origins) {
      if (origin.kind == fixture::CellOrigin::Kind::default_value) continue;
      const auto& text = table.rows[cell.first].values[cell.second];
      const std::string type = plan.schema.type(columns[cell.second]->type).name.sql();
      if (text) values.try_emplace({type, *text}, WrittenValue{origin.place, columns[cell.second]});
    }
  }
  ErrorList errors;
  constexpr std::size_t kMostAtOnce = 1000;
  for (auto next = values.begin(); next != values.end();) {
    std::vector<postgres::Statement> statements;
    const auto first = next;
    for (; next != values.end() && statements.size() < kMostAtOnce; ++next) {
      statements.push_back({fmt::format("SELECT $1::{}", next->first.first), {next->first.second}});
    }
    try {
      connection.query_all(statements);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::statement) throw;
      next = std::next(first, static_cast<std::ptrdiff_t>(connection.last_error().statement));
      errors.add(Error(ErrorCode::input, error.message())
                     .at(next->second.place)
                     .detail(fmt::format("column \"{}\" of type {}", next->second.column->name,
                                         next->second.column->type_sql))
                     .sqlstate(error.sqlstate())
                     .hint("write the value as PostgreSQL reads it"));
      ++next;
    }
  }
  errors.raise_if_any();
}

void evaluate_pending(postgres::Connection& connection, SeedPlan& plan,
                      const std::vector<const Table*>& tables) {
  constexpr std::size_t kMostAtOnce = 500;
  for (const Table* loaded : tables) {
    const auto merged = plan.merged.tables.find(loaded->name);
    if (merged == plan.merged.tables.end()) continue;
    fixture::MergedTable& table = merged->second;
    const auto columns = table.table->stored_columns();
    for (std::size_t start = 0; start < table.pending.size(); start += kMostAtOnce) {
      const std::span pending =
          std::span(table.pending)
              .subspan(start, std::min(kMostAtOnce, table.pending.size() - start));
      std::vector<postgres::Statement> statements;
      for (const fixture::PendingValue& value : pending) {
        statements.push_back({fmt::format("SELECT (({})::{})::text", value.expression,
                                          columns[value.column]->type_sql),
                              {}});
      }
      try {
        const auto results = connection.query_all(statements);
        for (std::size_t i = 0; i < pending.size(); ++i) {
          table.rows[pending[i].row].values[pending[i].column] =
              results[i].is_null(0, 0) ? std::nullopt : std::optional(results[i].get(0, 0));
        }
      } catch (Error& error) {
        throw Error(error)
            .at(pending[connection.last_error().statement].place)
            .hint("the expression stands alone: SELECT (…)");
      }
    }
  }
}

}  // namespace pgcycle::load
