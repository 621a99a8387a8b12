#include "pgcycle/load/seed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include "pgcycle/load/aside_load.hpp"
#include "pgcycle/load/foreign_key_check.hpp"
#include "pgcycle/load/row_batch.hpp"
#include "pgcycle/load/seed_memory.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/load/table_copy.hpp"
#include "pgcycle/load/wipe.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::load {

namespace {

using catalog::QualifiedName;
using catalog::Table;

constexpr std::uint64_t kRowsWorthAnalyzing = 5000;

std::uint64_t count_rows(const RowSource& source) {
  std::uint64_t rows = 0;
  source.for_each([&rows](const fixture::Row&) {
    ++rows;
    return true;
  });
  return rows;
}

// What a plan says before anything is loaded.
SeedReport report_of(const SeedPlan& plan, Reporter& reporter) {
  if (!plan.manifest.anonymized) reporter.notice("these fixtures are not anonymised");
  for (const Table& table : plan.schema.tables) {
    if (plan.manifest.find(table.name) == nullptr) {
      reporter.verbose("{} is not in the fixtures and stays as it is", table.name.display());
    }
  }
  SeedReport report;
  report.golden_inserted = plan.merged.inserted;
  report.golden_changed = plan.merged.changed;
  report.golden_removed = plan.merged.removed;
  report.adaptations = plan.adaptations;
  return report;
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
    if (memory && !loads_everything() &&
        memory->holds(connection_, input_hash().all, request_.memory_directory)) {
      report_.tables_unchanged = memory->table_count();
      return std::move(report_);
    }
    server::require_test_database(connection_, request_.target, request_.config, request_.reporter,
                                  "load into the database");
    const server::AdvisoryLock turn(connection_, "seed", request_.reporter);
    if (remembers()) input_hash();  // a file that is edited from here on has another hash
    plan_ = make_seed_plan(connection_, request_.input);
    check_golden_values(connection_, *plan_);
    report_ = report_of(*plan_, request_.reporter);
    if (request_.dry_run) {
      for (const RowSource& source : plan_->sources) {
        report_.tables.push_back({source.table().name.display(), count_rows(source)});
      }
      return std::move(report_);
    }
    SourceHashes sources = hashes_of_merged(*plan_);
    if (memory && !loads_everything()) {
      add_hashes_of_files(sources, *plan_, request_.input, input_hash());
    }
    choose(memory, sources);
    std::optional<SeedMemory> taken;
    const SeedReport planned = report_;
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
      if (!in_batch_ || error.code() != ErrorCode::statement) throw;
      request_.reporter.verbose("loading table by table, to tell the row: {}", error.message());
      may_batch_ = false;
      in_batch_ = false;
      report_ = planned;
      load_all();
    }
    if (taken) keep(*taken);
    analyze();
    return std::move(report_);
  }

 private:
  bool remembers() const { return !request_.memory_directory.empty() && !request_.dry_run; }

  // Triggers see rows only when they are loaded.
  bool loads_everything() const { return request_.force || request_.fire_triggers; }

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
    if (memory && !loads_everything()) {
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
      evaluate_pending(connection_, *plan_, chosen_tables());
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
      report_.tables[place].rows = copy_rows(connection_, *chosen_[place]);
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

// Into a copy of the database, which then takes its name.
SeedReport seed_aside(const SeedRequest& request) {
  std::unique_ptr<SeedPlan> plan;
  {
    auto connection = server::open_target(request.target, request.reporter);
    server::require_test_database(connection, request.target, request.config, request.reporter,
                                  "load into the database");
    plan = make_seed_plan(connection, request.input);
    check_golden_values(connection, *plan);
  }
  SeedReport report = report_of(*plan, request.reporter);
  const AsideLoadReport loaded = load_aside(request.target, *plan, request.jobs, request.reporter);
  for (std::size_t i = 0; i < plan->sources.size(); ++i) {
    report.tables.push_back({plan->sources[i].table().name.display(), loaded.rows[i]});
  }
  report.foreign_keys_proven = loaded.foreign_keys_proven;
  report.sequences_set = loaded.sequences_set;
  report.views_refreshed = loaded.views_refreshed;
  return report;
}

}  // namespace

SeedReport seed(const SeedRequest& request) {
  const bool aside = !request.single_transaction && !request.dry_run;
  return aside ? seed_aside(request) : Seeding(request).run();
}

}  // namespace pgcycle::load
