#include "pgcycle/load/seed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <future>
#include <map>
#include <set>
#include <span>

#include "pgcycle/load/foreign_key_check.hpp"
#include "pgcycle/load/row_batch.hpp"
#include "pgcycle/load/seed_memory.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/load/wipe.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::load {

namespace {

using catalog::QualifiedName;
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

Location place_of_row(const RowSource& source, std::size_t number) {
  Location place;
  source.for_each([&](const fixture::Row& row) {
    place = row.place;
    return --number > 0;
  });
  return place;
}

std::uint64_t count_rows(const RowSource& source) {
  std::uint64_t rows = 0;
  source.for_each([&rows](const fixture::Row&) {
    ++rows;
    return true;
  });
  return rows;
}

// Appends the row's values as a line of COPY.
void append_copy_row(std::string& out, const fixture::Row& row,
                     const std::vector<std::size_t>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out.push_back('\t');
    if (const auto& value = row.values[columns[i]]) {
      postgres::append_copy_field(out, *value);
    } else {
      postgres::append_copy_null(out);
    }
  }
  out.push_back('\n');
}

class Seeding {
 public:
  // The input is read while the session is opened.
  explicit Seeding(const SeedRequest& request)
      : request_(request),
        input_hash_(remembers() ? std::async(std::launch::async, hash_of_input, request.input)
                                : std::future<InputHash>()),
        connection_(server::open_target(request.target, request.reporter)) {}

  SeedReport run() {
    std::optional<SeedMemory> memory;
    if (remembers()) memory = SeedMemory::recall(connection_, request_.memory_directory);
    if (memory && !request_.force &&
        memory->holds(connection_, input_hash().all, request_.memory_directory)) {
      report_.tables_unchanged = memory->table_count();
      return std::move(report_);
    }
    server::require_test_database(connection_, request_.target, request_.config, request_.reporter,
                                  "load into the database");
    const server::AdvisoryLock turn(connection_, "seed", request_.reporter);
    plan_ = make_seed_plan(connection_, request_.input);
    check_golden_values(connection_, *plan_);
    if (!plan_->manifest.anonymized) {
      request_.reporter.notice("these fixtures are not anonymised");
    }
    report_.golden_inserted = plan_->merged.inserted;
    report_.golden_changed = plan_->merged.changed;
    report_.golden_removed = plan_->merged.removed;
    report_.adaptations = plan_->adaptations;
    for (const Table& table : plan_->schema.tables) {
      if (plan_->manifest.find(table.name) == nullptr) {
        request_.reporter.verbose("{} is not in the fixtures and stays as it is",
                                  table.name.display());
      }
    }
    if (request_.dry_run) {
      for (const RowSource& source : plan_->sources) {
        report_.tables.push_back({source.table().name.display(), count_rows(source)});
      }
      return std::move(report_);
    }
    SourceHashes sources = hashes_of_merged(*plan_);
    if (memory && !request_.force) {
      add_hashes_of_files(sources, *plan_, request_.input, input_hash());
    }
    choose(memory, sources);
    std::optional<SeedMemory> taken;
    const auto load_all = [&] {
      postgres::Transaction transaction(connection_);
      load();
      throw_if_interrupted();
      if (remembers()) {
        add_hashes_of_files(sources, *plan_, request_.input, input_hash());
        taken = SeedMemory::take(connection_, *plan_, input_hash().all, sources, loaded(), memory);
      }
      transaction.commit();
    };
    try {
      load_all();
    } catch (const Error& error) {
      if (!in_batch_) throw;
      request_.reporter.verbose("loading table by table, to tell the row: {}", error.message());
      may_batch_ = false;
      in_batch_ = false;
      report_.tables.clear();
      load_all();
    }
    if (taken) keep(*taken);
    analyze();
    return std::move(report_);
  }

 private:
  bool remembers() const { return !request_.memory_directory.empty() && !request_.dry_run; }

  SeedMemory::Loaded loaded() const {
    SeedMemory::Loaded out;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      out.tables[chosen_[i]->table().name] = report_.tables[i].rows;
    }
    for (const catalog::Sequence* sequence : sequences_) {
      out.sequences.insert(sequence->name.sql());
    }
    out.triggers_fired = request_.fire_triggers;
    return out;
  }

  const InputHash& input_hash() {
    if (!hashed_) hashed_ = input_hash_.get();
    return *hashed_;
  }

  // All tables, or those that are not as the last seed left them.
  void choose(const std::optional<SeedMemory>& memory, const SourceHashes& sources) {
    std::optional<SeedMemory::Changes> changes;
    if (memory && !request_.force && !request_.fire_triggers) {
      changes = memory->changes(connection_, sources);
    }
    for (const RowSource& source : plan_->sources) {
      const bool kept = changes && !changes->tables.contains(source.table().name);
      if (kept) {
        kept_.push_back(&source.table());
      } else {
        chosen_.push_back(&source);
      }
    }
    for (const catalog::Sequence& sequence : plan_->schema.sequences) {
      if (!changes || changes->sequences.contains(sequence.name.sql()) || is_used_by(sequence)) {
        sequences_.push_back(&sequence);
      }
    }
  }

  bool is_used_by(const catalog::Sequence& sequence) const {
    return std::any_of(chosen_.begin(), chosen_.end(), [&sequence](const RowSource* source) {
      return std::any_of(
          sequence.uses.begin(), sequence.uses.end(),
          [source](const catalog::SequenceUse& use) { return use.table == source->table().name; });
    });
  }

  std::vector<const Table*> chosen_tables() const {
    std::vector<const Table*> out;
    for (const RowSource* source : chosen_) out.push_back(&source->table());
    return out;
  }

  void load() {
    ConstraintRest rest(connection_, plan_->schema, plan_->tables(),
                        request_.fire_triggers ? Triggers::fire : Triggers::rest,
                        request_.reporter);
    if (!rest.must_prove() && !kept_.empty()) {  // what stays would stand in triggers' way
      chosen_.clear();
      kept_.clear();
      sequences_.clear();
      choose({}, {});
    }
    report_.tables_unchanged = kept_.size();
    const std::vector<const Table*> scope = chosen_tables();
    std::vector<postgres::Statement> statements =
        plan_wipe(connection_, {plan_->schema, scope, kept_, rest.must_prove()});
    if (has_pending()) {
      connection_.query_all(statements);
      statements.clear();
      evaluate_pending();
    }
    load_rows(std::move(statements), rest.must_prove() && may_batch_);
    rest.end();
    prove_and_set(rest.must_prove());
    if (chosen_.empty()) return;
    for (const QualifiedName& view : plan_->schema.materialized_views) {
      connection_.execute("REFRESH MATERIALIZED VIEW " + view.sql());
      ++report_.views_refreshed;
    }
  }

  // `statements` come first. Small tables go along with them, if they may.
  void load_rows(std::vector<postgres::Statement> statements, bool may_batch) {
    const std::size_t first_insert = statements.size();
    std::vector<std::size_t> in_batch;  // of each small table, its place in the report
    std::vector<std::size_t> large;
    for (const RowSource* source : chosen_) {
      const std::size_t place = report_.tables.size();
      report_.tables.push_back({source->table().name.display(), 0});
      std::optional<postgres::Statement> insert;
      if (may_batch) insert = as_one_insert(plan_->schema, *source);
      if (insert) {
        statements.push_back(std::move(*insert));
        in_batch.push_back(place);
      } else {
        large.push_back(place);
      }
    }
    in_batch_ = !in_batch.empty();
    const std::vector<postgres::Result> results = connection_.query_all(statements);
    in_batch_ = false;
    for (std::size_t i = 0; i < in_batch.size(); ++i) {
      report_.tables[in_batch[i]].rows = results[first_insert + i].affected_rows();
    }
    std::size_t done = in_batch.size();
    for (const std::size_t place : large) {
      report_.tables[place].rows = copy_rows(*chosen_[place]);
      request_.reporter.progress({"seed", "tables", ++done, chosen_.size()});
    }
  }

  void prove_and_set(bool prove) {
    std::vector<const catalog::ForeignKey*> keys;
    std::vector<postgres::Statement> statements;
    if (prove) {
      keys = keys_to_prove(plan_->schema, chosen_tables());
      for (const catalog::ForeignKey* key : keys) statements.push_back(proof_of(*key));
    }
    std::vector<const catalog::Sequence*> sequences;
    for (const catalog::Sequence* sequence : sequences_) {
      if (sequence->uses.empty()) continue;
      sequences.push_back(sequence);
      statements.push_back(place_of(*sequence));
    }
    if (statements.empty()) return;
    const std::vector<postgres::Result> results = connection_.query_all(statements);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!results[i].empty()) throw_violation(*keys[i], results[i], plan_->sources);
    }
    report_.foreign_keys_proven = keys.size();
    statements.clear();
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      for (auto& statement : setting_of(*sequences[i], results[keys.size() + i])) {
        statements.push_back(std::move(statement));
      }
    }
    report_.sequences_set = sequences.size();
    if (!statements.empty()) connection_.query_all(statements);
  }

  bool has_pending() const {
    return std::any_of(chosen_.begin(), chosen_.end(), [this](const RowSource* source) {
      const auto merged = plan_->merged.tables.find(source->table().name);
      return merged != plan_->merged.tables.end() && !merged->second.pending.empty();
    });
  }

  // $sql and defaults of golden records, by the server that will hold them.
  void evaluate_pending() {
    constexpr std::size_t kMostAtOnce = 500;
    for (const RowSource* source : chosen_) {
      const auto merged = plan_->merged.tables.find(source->table().name);
      if (merged == plan_->merged.tables.end()) continue;
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
          const auto results = connection_.query_all(statements);
          for (std::size_t i = 0; i < pending.size(); ++i) {
            table.rows[pending[i].row].values[pending[i].column] =
                results[i].is_null(0, 0) ? std::nullopt : std::optional(results[i].get(0, 0));
          }
        } catch (Error& error) {
          throw Error(error)
              .at(pending[connection_.last_error().statement].place)
              .hint("the expression stands alone: SELECT (…)");
        }
      }
    }
  }

  std::uint64_t copy_rows(const RowSource& source) {
    const std::vector<std::size_t> columns = source.columns();
    const auto stored = source.table().stored_columns();
    std::string names;
    for (const std::size_t i : columns) {
      names += (names.empty() ? "" : ", ") + postgres::quote_identifier(stored[i]->name);
    }
    RowSource::Cursor cursor(source);
    try {
      return connection_.copy_in(
          fmt::format("COPY {} ({}) FROM STDIN", source.table().name.sql(), names),
          [&](std::string& out) {
            const fixture::Row* row = cursor.next();
            if (row == nullptr) return false;
            append_copy_row(out, *row, columns);
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

  // What cannot be kept is loaded again the next time.
  void keep(const SeedMemory& memory) {
    try {
      memory.keep(connection_, request_.memory_directory);
    } catch (const std::exception& error) {
      request_.reporter.verbose("what was seeded cannot be remembered: {}", error.what());
    }
  }

  // Fresh statistics matter once a planner could go wrong.
  void analyze() {
    std::uint64_t rows = 0;
    std::string list;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      rows += report_.tables[i].rows;
      list += (i == 0 ? "" : ", ") + chosen_[i]->table().name.sql();
    }
    if (rows > kRowsWorthAnalyzing) connection_.execute("ANALYZE " + list);
  }

  const SeedRequest& request_;
  std::future<InputHash> input_hash_;
  std::optional<InputHash> hashed_;
  postgres::Connection connection_;
  std::unique_ptr<SeedPlan> plan_;
  std::vector<const RowSource*> chosen_;  // in foreign-key order
  std::vector<const Table*> kept_;        // as they are
  std::vector<const catalog::Sequence*> sequences_;
  bool may_batch_ = true;
  bool in_batch_ = false;
  SeedReport report_;
};

}  // namespace

SeedReport seed(const SeedRequest& request) { return Seeding(request).run(); }

}  // namespace pgcycle::load
