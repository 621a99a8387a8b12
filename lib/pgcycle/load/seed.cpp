#include "pgcycle/load/seed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "pgcycle/catalog/foreign_key_graph.hpp"
#include "pgcycle/fixture/manifest.hpp"
#include "pgcycle/fixture/merge.hpp"
#include "pgcycle/load/foreign_key_check.hpp"
#include "pgcycle/load/row_source.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::load {

namespace {

using catalog::QualifiedName;
using catalog::Schema;
using catalog::Table;

constexpr std::uint64_t kRowsWorthAnalyzing = 5000;

// "COPY users, line 7, column email: …" → 7.
std::size_t line_in_copy_context(const std::string& context) {
  const std::size_t at = context.find(", line ");
  std::size_t line = 0;
  if (at != std::string::npos) {
    std::from_chars(context.data() + at + 7, context.data() + context.size(), line);
  }
  return line;
}

class Seeding {
 public:
  explicit Seeding(const SeedRequest& request)
      : request_(request), connection_(server::open_target(request.target, request.reporter)) {}

  SeedReport run() {
    {
      auto maintenance = server::open_maintenance(request_.target, request_.reporter);
      server::require_test_database(maintenance, request_.target, request_.config,
                                    request_.reporter, "load into the database");
    }
    const server::AdvisoryLock turn(connection_, "seed", request_.reporter);
    postgres::Transaction transaction(connection_);
    schema_ = catalog::load_schema(connection_);
    manifest_ = fixture::read_manifest(request_.fixtures_directory);
    if (!manifest_.anonymized) {
      request_.reporter.notice("these fixtures are not anonymised");
    }
    check_drift();
    merge();
    choose_sources();
    if (request_.dry_run) {
      count_rows();
      return std::move(report_);
    }
    load();
    throw_if_interrupted();
    transaction.commit();
    analyze();
    return std::move(report_);
  }

 private:
  std::filesystem::path file_of(const fixture::ManifestTable& entry) const {
    return request_.fixtures_directory / entry.file;
  }

  // Everything about the fixtures that does not fit the live schema, at once.
  void check_drift() {
    ErrorList errors;
    for (const fixture::ManifestTable& entry : manifest_.tables) {
      const Table* table = schema_.find_table(entry.table);
      if (table == nullptr) {
        errors.add(Error(ErrorCode::check, fmt::format("the fixtures hold {}, which the database "
                                                       "does not have",
                                                       entry.table.display()))
                       .at(file_of(entry).string())
                       .hint("migrate the database, or extract the fixtures again"));
        continue;
      }
      try {
        RowSource::streamed(file_of(entry), schema_, *table).for_each([](const fixture::Row&) {
          return false;  // the first row tells the columns
        });
      } catch (const Error& error) {
        errors.add(error);
      }
    }
    errors.raise_if_any();
    for (const Table& table : schema_.tables) {
      if (manifest_.find(table.name) == nullptr) {
        request_.reporter.verbose("{} is not in the fixtures and stays as it is",
                                  table.name.display());
      }
    }
  }

  void merge() {
    const fixture::GoldenRecords golden =
        fixture::read_golden(request_.golden_directory, request_.scenario);
    merged_ = fixture::merge_golden(schema_, golden, [this](const Table& table) {
      std::vector<fixture::Row> rows;
      if (const fixture::ManifestTable* entry = manifest_.find(table.name)) {
        RowSource::streamed(file_of(*entry), schema_, table).for_each([&](const fixture::Row& row) {
          rows.push_back(row);
          return true;
        });
      }
      return rows;
    });
    report_.golden_inserted = merged_.inserted;
    report_.golden_changed = merged_.changed;
    report_.golden_removed = merged_.removed;
  }

  void choose_sources() {
    for (const Table* table : catalog::load_order(schema_).tables) {
      if (const auto merged = merged_.tables.find(table->name); merged != merged_.tables.end()) {
        sources_.push_back(RowSource::held(merged->second.rows, *table));
      } else if (const fixture::ManifestTable* entry = manifest_.find(table->name)) {
        sources_.push_back(RowSource::streamed(file_of(*entry), schema_, *table));
      } else {
        continue;
      }
      scope_.push_back(table);
    }
  }

  void count_rows() {
    for (const RowSource& source : sources_) {
      std::uint64_t rows = 0;
      source.for_each([&rows](const fixture::Row&) {
        ++rows;
        return true;
      });
      report_.tables.push_back({source.table().name.display(), rows});
    }
  }

  void load() {
    wipe();
    evaluate_pending();
    ConstraintRest rest(connection_, schema_, scope_, request_.reporter);
    for (const RowSource& source : sources_) {
      report_.tables.push_back({source.table().name.display(), copy_rows(source)});
      request_.reporter.progress({"seed", "tables", report_.tables.size(), sources_.size()});
    }
    rest.end();
    if (rest.must_prove()) {
      report_.foreign_keys_proven = prove_foreign_keys(connection_, schema_, sources_);
    }
    report_.sequences_set = set_sequences(connection_, schema_);
    for (const QualifiedName& view : schema_.materialized_views) {
      connection_.execute("REFRESH MATERIALIZED VIEW " + view.sql());
      ++report_.views_refreshed;
    }
  }

  // TRUNCATE needs every referencing table to go along; one that is not in
  // scope may only do so when it is empty.
  void wipe() {
    std::set<QualifiedName> wiped;
    for (const Table* table : scope_) wiped.insert(table->name);
    for (bool grown = true; grown;) {
      grown = false;
      for (const catalog::ForeignKey& key : schema_.foreign_keys) {
        if (wiped.contains(key.table) || !wiped.contains(key.referenced_table)) continue;
        require_empty(key);
        wiped.insert(key.table);
        grown = true;
      }
    }
    std::string list;
    for (const QualifiedName& name : wiped) {
      const Table& table = *schema_.find_table(name);
      list += (list.empty() ? "" : ", ") + table.from_sql();
    }
    if (!list.empty()) connection_.execute("TRUNCATE " + list);
  }

  void require_empty(const catalog::ForeignKey& key) {
    if (connection_.query(fmt::format("SELECT FROM {} LIMIT 1", key.table.sql())).empty()) return;
    throw Error(ErrorCode::check,
                fmt::format("{} has rows that reference {}, but is not in the fixtures",
                            key.table.display(), key.referenced_table.display()))
        .detail(fmt::format("foreign key constraint \"{}\"", key.name))
        .constraint(key.name)
        .hint("extract it too, or empty it; rows are never removed silently");
  }

  // $sql and defaults of golden records, by the server that will hold them.
  void evaluate_pending() {
    for (auto& [name, table] : merged_.tables) {
      const auto columns = table.table->stored_columns();
      for (const fixture::PendingValue& pending : table.pending) {
        try {
          const auto value = connection_.query(fmt::format(
              "SELECT (({})::{})::text", pending.expression, columns[pending.column]->type_sql));
          auto& slot = table.rows[pending.row].values[pending.column];
          slot = value.is_null(0, 0) ? std::nullopt : std::optional(value.get(0, 0));
        } catch (Error& error) {
          throw Error(error).at(pending.place).hint("the expression stands alone: SELECT (…)");
        }
      }
    }
  }

  std::uint64_t copy_rows(const RowSource& source) {
    const Table& table = source.table();
    std::string columns;
    for (const catalog::Column* column : table.stored_columns()) {
      columns += (columns.empty() ? "" : ", ") + postgres::quote_identifier(column->name);
    }
    RowSource::Cursor cursor(source);
    try {
      return connection_.copy_in(fmt::format("COPY {} ({}) FROM STDIN", table.name.sql(), columns),
                                 [&cursor](std::string& out) {
                                   const fixture::Row* row = cursor.next();
                                   if (row == nullptr) return false;
                                   for (std::size_t i = 0; i < row->values.size(); ++i) {
                                     if (i > 0) out.push_back('\t');
                                     if (row->values[i]) {
                                       postgres::append_copy_field(out, *row->values[i]);
                                     } else {
                                       postgres::append_copy_null(out);
                                     }
                                   }
                                   out.push_back('\n');
                                   return true;
                                 });
    } catch (Error& error) {
      const std::size_t line = line_in_copy_context(connection_.last_error().context);
      if (error.code() == ErrorCode::statement && line > 0) {
        throw Error(error).at(place_of_row(source, line));
      }
      throw;
    }
  }

  static Location place_of_row(const RowSource& source, std::size_t number) {
    Location place;
    source.for_each([&](const fixture::Row& row) {
      place = row.place;
      return --number > 0;
    });
    return place;
  }

  // Fresh statistics matter once a planner could go wrong.
  void analyze() {
    std::uint64_t rows = 0;
    std::string list;
    for (std::size_t i = 0; i < report_.tables.size(); ++i) {
      rows += report_.tables[i].rows;
      list += (i == 0 ? "" : ", ") + scope_[i]->name.sql();
    }
    if (rows > kRowsWorthAnalyzing) connection_.execute("ANALYZE " + list);
  }

  const SeedRequest& request_;
  postgres::Connection connection_;
  Schema schema_;
  fixture::Manifest manifest_;
  fixture::MergeResult merged_;
  std::vector<RowSource> sources_;
  std::vector<const Table*> scope_;
  SeedReport report_;
};

}  // namespace

SeedReport seed(const SeedRequest& request) { return Seeding(request).run(); }

}  // namespace pgcycle::load
