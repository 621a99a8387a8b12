#include "pgcycle/load/seed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "pgcycle/load/aside_load.hpp"
#include "pgcycle/load/foreign_key_check.hpp"
#include "pgcycle/load/load_transaction.hpp"
#include "pgcycle/load/read_ahead.hpp"
#include "pgcycle/load/schema_memory.hpp"
#include "pgcycle/load/seed_memory.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/load/table_copy.hpp"
#include "pgcycle/load/wipe.hpp"
#include "pgcycle/load/workers.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::load {

namespace {

using catalog::QualifiedName;
using catalog::SchemaDetail;
using catalog::Table;

constexpr std::uint64_t kRowsWorthAnalyzing = 5000;
constexpr std::uint64_t kRowsSampled = 30'000;  // of a table, by the server's usual target

std::uint64_t count_rows(const RowSource& source) {
  std::uint64_t rows = 0;
  source.for_each([&rows](const fixture::Row&) {
    ++rows;
    return true;
  });
  return rows;
}

void tell_of(const SeedPlan& plan, Reporter& reporter) {
  if (!plan.manifest.anonymized) reporter.notice("these fixtures are not anonymised");
  for (const Table& table : plan.schema.tables) {
    if (plan.manifest.find(table.name) == nullptr) {
      reporter.verbose("{} is not in the fixtures and stays as it is", table.name.display());
    }
  }
}

// What a plan says before anything is loaded.
SeedReport report_of(const SeedPlan& plan) {
  SeedReport report;
  report.golden_inserted = plan.merged.inserted;
  report.golden_changed = plan.merged.changed;
  report.golden_removed = plan.merged.removed;
  report.adaptations = plan.adaptations;
  return report;
}

}  // namespace

class Seeder::Impl {
 public:
  enum class Use { once, again };

  // The input is read while the session is opened.
  Impl(const SeedRequest& request, Use use)
      : request_(request),
        use_(use),
        ahead_(read_ahead()),
        connection_(server::open_target(request.target, request.reporter)),
        tracker_([this] { return server::open_maintenance(request_.target, request_.reporter); },
                 request.target.kind == server::ServerKind::external
                     ? server::WalReader::Extension::as_it_is
                     : server::WalReader::Extension::install) {
    if (request.fire_triggers) triggers_ = Triggers::fire;
    if (use_ == Use::once) return;
    connection_.keep_plans();
    if (!request.fire_triggers && rest_triggers(connection_)) triggers_ = Triggers::at_rest;
  }

  SeedReport run(bool force) {
    begin(force);
    if (memory_ && !loads_everything()) {
      const bool unmoved = memory_->is_unmoved();
      if (memory_->holds(connection_, input_hash_->all)) {
        to_keep_ = to_keep_ || (!unmoved && memory_->is_unmoved());
        report_.tables_unchanged = memory_->table_count();
        if (use_ == Use::once) keep();
        return std::move(report_);
      }
    }
    server::require_test_database(connection_, request_.target, request_.config, request_.reporter,
                                  "load into the database");
    std::optional<postgres::Result> before;
    server::AdvisoryLock turn(connection_, "seed", request_.reporter,
                              SeedMemory::position_and_writers_sql(), before);
    writers_before_ = before->get(0, 1);
    // Who had the turn before may have written.
    if (memory_) memory_->see_position(connection_, before->get(0, 0));
    plan();
    if (request_.dry_run) {
      for (const RowSource& source : plan_->sources) {
        report_.tables.push_back({source.table().name.display(), count_rows(source)});
      }
      return std::move(report_);
    }
    SourceHashes sources = merged_hashes_;
    if (remembers()) add_hashes_of_files(sources, *plan_, request_.input, *input_hash_);
    choose(loads_everything(), sources);
    load_all(sources, turn);
    if (use_ == Use::once) keep();
    analyze();
    return std::move(report_);
  }

  // What cannot be kept is loaded, or read, again the next time.
  void keep() {
    if (!memory_) return;
    try {
      if (to_keep_) memory_->keep(connection_, request_.memory_directory);
      hasher_.keep(request_.input, request_.memory_directory);
    } catch (const std::exception& error) {
      request_.reporter.verbose("what was seeded cannot be remembered: {}", error.what());
    }
    to_keep_ = false;
  }

  void settle() {
    if (!memory_) return;
    keep();
    if (memory_->has_mark()) tracker_.open();
    memory_->see_position(connection_);
    if (memory_->is_unmoved() || !memory_->holds(connection_, memory_->input())) return;
    // What was defined anew until here is seen in this; what is from here on moves the log.
    if (plan_ && memory_->definitions(connection_, false) != planned_definitions_) plan_.reset();
    to_keep_ = true;
    keep();
  }

 private:
  std::unique_ptr<ReadAhead> read_ahead() {
    if (!remembers()) return nullptr;
    return std::make_unique<ReadAhead>(
        ReadAhead::Request{request_.input, request_.target.database(), request_.memory_directory,
                           request_.force || request_.fire_triggers},
        hasher_);
  }

  bool fits_already(const QualifiedName& table, const std::string& file) const {
    if (!memory_ || !input_hash_) return false;
    const auto hash = input_hash_->files.find(file);
    return hash != input_hash_->files.end() &&
           memory_->has_loaded(table, hash->second, planned_definitions_);
  }

  void begin(bool force) {
    force_ = force;
    chosen_.clear();
    kept_.clear();
    sequences_.clear();
    sequences_set_.clear();
    report_ = {};
    if (!remembers()) return;
    if (memory_ && !loads_everything()) {
      // What is written from here on is for the next seed to find.
      const postgres::Result position = connection_.query_while(
          SeedMemory::position_sql(), [this] { input_hash_ = hasher_(request_.input); });
      if (memory_->input() == input_hash_->all) {
        memory_->see_position(connection_, position.get(0, 0));
      }
      return;
    }
    if (!memory_) memory_ = SeedMemory::recall(connection_, request_.memory_directory, tracker_);
    // A file that is edited from here on has another hash.
    input_hash_ = ahead_ && ahead_->has_input() ? ahead_->input() : hasher_(request_.input);
  }

  // The plan of an earlier run serves again while nothing changed but the rows of fixtures.
  void plan() {
    if (remembers()) {
      // Taken before the schema is read: what is defined anew meanwhile shows in the next.
      const Definitions definitions = memory_
                                          ? memory_->definitions(connection_, !loads_everything())
                                          : definitions_of(connection_);
      if (definitions != planned_definitions_) connection_.forget_plans();
      if (definitions != planned_definitions_ || !same_files_but_rows()) plan_.reset();
      planned_definitions_ = definitions;
    } else {
      plan_.reset();
    }
    if (!plan_) {
      const FitsAlready fits = [this](const QualifiedName& table, const std::string& file) {
        return fits_already(table, file);
      };
      if (ahead_) {
        plan_ =
            ahead_->plan(*input_hash_, planned_definitions_, connection_.server_version(), fits);
        ahead_.reset();
      }
      if (!plan_) {
        plan_ = make_seed_plan([this](SchemaDetail detail) { return read_schema(detail); },
                               request_.input, fits);
      }
      check_golden_values(connection_, *plan_);
      merged_hashes_ = hashes_of_merged(*plan_);
      if (input_hash_) planned_files_ = input_hash_->files;
      tell_of(*plan_, request_.reporter);
    }
    report_ = report_of(*plan_);
  }

  catalog::Schema read_schema(SchemaDetail detail) {
    if (!remembers()) return catalog::load_schema(connection_, detail);
    return remembered_schema(connection_, detail, planned_definitions_, request_.memory_directory);
  }

  bool same_files_but_rows() const {
    if (!plan_ || !memory_ || input_hash_->files.size() != planned_files_.size()) return false;
    std::set<std::string> rows_only;
    for (const RowSource& source : plan_->sources) {
      if (plan_->merged.tables.contains(source.table().name)) continue;
      rows_only.insert(plan_->file_of(source.table(), request_.input.fixtures_directory).native());
    }
    return std::all_of(input_hash_->files.begin(), input_hash_->files.end(), [&](const auto& file) {
      const auto before = planned_files_.find(file.first);
      return before != planned_files_.end() &&
             (before->second == file.second || rows_only.contains(file.first));
    });
  }

  void load_all(const SourceHashes& sources, server::AdvisoryLock& turn) {
    std::optional<SeedMemory> taken;
    LoadTransaction transaction(connection_, plan_->schema, plan_->tables(), triggers_,
                                sizes_sql(chosen_tables()), request_.reporter);
    load(transaction);
    throw_if_interrupted();
    // What triggers made of the rows is not what the next seed would load.
    if (remembers() && !request_.fire_triggers) {
      taken = SeedMemory::take(*plan_, input_hash_->all, sources, loaded(), memory_, tracker_);
    }
    const bool loaded_all = taken && kept_.empty() && !chosen_.empty();
    std::vector<postgres::Statement> behind;
    if (loaded_all) behind = SeedMemory::questions_behind();
    std::vector<postgres::Result> answers;
    if (use_ == Use::once) {
      answers = transaction.commit(behind);  // its turn lasts until all is kept
    } else {
      turn.release([&](const std::string& unlock) {
        behind.insert(behind.begin(), {unlock, {}});
        answers = transaction.commit(behind);
        if (!answers.empty()) answers.erase(answers.begin());
      });
    }
    if (taken) {
      if (loaded_all) taken->see_commit(writers_before_, answers);
      memory_ = std::move(taken);
      to_keep_ = true;
    }
  }

  bool remembers() const { return !request_.memory_directory.empty() && !request_.dry_run; }

  // Triggers see rows only when they are loaded.
  bool loads_everything() const { return force_ || request_.force || request_.fire_triggers; }

  SeedMemory::Loaded loaded() const {
    SeedMemory::Loaded out;
    out.answers = answers_;
    out.definitions = planned_definitions_;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      out.tables[chosen_[i]->table().name] = report_.tables[i].rows;
    }
    out.sequences = sequences_set_;
    return out;
  }

  // All tables, or those that are not as the last seed left them.
  void choose(bool all, const SourceHashes& sources) {
    std::optional<SeedMemory::Changes> changes;
    if (memory_ && !all) changes = memory_->changes(connection_, sources);
    for (const RowSource& source : plan_->sources) {
      const bool kept = changes && !changes->tables.contains(source.table().name);
      if (kept) {
        kept_.push_back(&source.table());
      } else {
        chosen_.push_back(&source);
      }
    }
    for (const catalog::Sequence& sequence : plan_->schema.sequences) {
      const std::string name = sequence.name.sql();
      const bool kept = changes && !changes->sequences.contains(name) &&
                        memory_->knows_sequence(name) && !is_used_by(sequence);
      if (!kept) sequences_.push_back(&sequence);
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

  void load(LoadTransaction& transaction) {
    postgres::Result sizes = transaction.answer();
    if (!transaction.must_prove() && !kept_.empty()) {  // what stays would be in triggers' way
      chosen_.clear();
      kept_.clear();
      sequences_.clear();
      choose(true, {});
      sizes = connection_.query(sizes_sql(chosen_tables()));
    }
    report_.tables_unchanged = kept_.size();
    const std::vector<const Table*> scope = chosen_tables();
    std::vector<std::string> wiping =
        plan_wipe(connection_, {plan_->schema, scope, kept_, transaction.must_prove()}, sizes);
    if (has_pending()) {
      if (!wiping.empty()) connection_.execute(fmt::format("{}", fmt::join(wiping, ";\n")));
      wiping.clear();
      evaluate_pending(connection_, *plan_, chosen_tables());
    }
    transaction.rest_checks(plan_->as_extracted(scope));
    FurthestValues furthest;
    if (transaction.must_prove()) furthest = {plan_->schema, sequences_, chosen_};
    if (!chosen_.empty()) load_rows(wiping, furthest);
    close(transaction, furthest);
    if (chosen_.empty() || plan_->schema.materialized_views.empty()) return;
    std::vector<postgres::Statement> refreshing = transaction.usual_role();
    for (const QualifiedName& view : plan_->schema.materialized_views) {
      refreshing.push_back({"REFRESH MATERIALIZED VIEW " + view.sql(), {}});
      ++report_.views_refreshed;
    }
    connection_.query_all(refreshing);
  }

  void load_rows(const std::vector<std::string>& wiping, FurthestValues& furthest) {
    for (const RowSource* source : chosen_) {
      report_.tables.push_back({source->table().name.display(), 0});
    }
    std::size_t done = 0;
    CopyListener listener;
    if (!furthest.empty()) {
      listener.row = [&furthest](std::size_t i, const fixture::Row& row) { furthest.see(i, row); };
    }
    listener.finish = [this, &done](std::size_t i, std::uint64_t rows) {
      report_.tables[i].rows = rows;
      request_.reporter.progress({"seed", "tables", ++done, chosen_.size()});
    };
    copy_all_rows(connection_, wiping, chosen_, listener);
  }

  // What follows the rows, in one message: proofs of foreign keys, questions for where sequences
  // belong, and the memory's own.
  void close(const LoadTransaction& transaction, const FurthestValues& furthest) {
    std::vector<postgres::Statement> statements = transaction.ending();
    std::size_t at = statements.size();
    std::vector<const catalog::ForeignKey*> keys;
    if (transaction.must_prove()) keys = keys_to_prove(plan_->schema, chosen_tables());
    for (const catalog::ForeignKey* key : keys) statements.push_back(proof_of(*key));
    std::vector<const catalog::Sequence*> sequences;
    for (const catalog::Sequence* sequence : sequences_) {
      if (sequence->uses.empty()) continue;
      sequences.push_back(sequence);
      statements.push_back(place_of(*sequence, furthest.of(*sequence)));
    }
    if (remembers()) {
      for (auto& question : SeedMemory::questions(transaction.has_altered())) {
        statements.push_back(std::move(question));
      }
    }
    const std::vector<postgres::Result> results = connection_.query_all(statements);
    for (const catalog::ForeignKey* key : keys) {
      require_proven(connection_, *key, results[at++], plan_->sources);
    }
    report_.foreign_keys_proven = keys.size();
    statements.clear();
    for (const catalog::Sequence* sequence : sequences) {
      const SequencePlace place = read_place(connection_, *sequence, results[at++]);
      for (auto& statement : setting_of(*sequence, place)) {
        statements.push_back(std::move(statement));
      }
      sequences_set_[sequence->name.sql()] = place.text();
    }
    report_.sequences_set = sequences.size();
    answers_.assign(results.begin() + static_cast<std::ptrdiff_t>(at), results.end());
    if (statements.empty()) return;
    const std::vector<postgres::Statement> role = transaction.usual_role();
    statements.insert(statements.begin(), role.begin(), role.end());
    connection_.query_all(statements);
  }

  bool has_pending() const {
    return std::any_of(chosen_.begin(), chosen_.end(), [this](const RowSource* source) {
      const auto merged = plan_->merged.tables.find(source->table().name);
      return merged != plan_->merged.tables.end() && !merged->second.pending.empty();
    });
  }

  // Fresh statistics matter once a planner could go wrong.
  void analyze() {
    std::uint64_t rows = 0;
    std::uint64_t sampled = 0;
    std::vector<std::string> tables;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      rows += report_.tables[i].rows;
      sampled += std::min(report_.tables[i].rows, kRowsSampled);
      tables.push_back(chosen_[i]->table().name.sql());
    }
    if (rows <= kRowsWorthAnalyzing) return;
    if (sampled <= 2 * kRowsSampled) {
      connection_.execute(fmt::format("ANALYZE {}", fmt::join(tables, ", ")));
      return;
    }
    Workers workers(connection_, request_.target,
                    std::min<std::size_t>(request_.jobs, tables.size()), request_.reporter);
    workers.share_out(tables.size(), [&tables](postgres::Connection& session, std::size_t i) {
      session.execute("ANALYZE " + tables[i]);
    });
  }

  SeedRequest request_;
  Use use_;
  InputHasher hasher_;
  std::unique_ptr<ReadAhead> ahead_;  // for the first run
  postgres::Connection connection_;
  server::ChangeTracker tracker_;
  Triggers triggers_ = Triggers::rest;

  // Kept from run to run.
  std::optional<SeedMemory> memory_;
  bool to_keep_ = false;  // it is not written down yet
  std::unique_ptr<SeedPlan> plan_;
  SourceHashes merged_hashes_;
  std::map<std::string, std::string> planned_files_;  // with their hashes
  Definitions planned_definitions_;

  // Of a run.
  std::optional<InputHash> input_hash_;
  std::string writers_before_;
  bool force_ = false;
  std::vector<const RowSource*> chosen_;  // in foreign-key order
  std::vector<const Table*> kept_;        // as they are
  std::vector<const catalog::Sequence*> sequences_;
  std::map<std::string, std::string> sequences_set_;  // as SQL, to their values
  std::vector<postgres::Result> answers_;             // to what the memory asks
  SeedReport report_;
};

namespace {

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
  tell_of(*plan, request.reporter);
  SeedReport report = report_of(*plan);
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
  return aside ? seed_aside(request) : Seeder::Impl(request, Seeder::Impl::Use::once).run(false);
}

Seeder::Seeder(const SeedRequest& request)
    : impl_(std::make_unique<Impl>(request, Impl::Use::again)) {}

Seeder::~Seeder() = default;

SeedReport Seeder::run(bool force) { return impl_->run(force); }

void Seeder::settle() { impl_->settle(); }

}  // namespace pgcycle::load
