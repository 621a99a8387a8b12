#include "pgcycle/migrate/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <span>
#include <utility>

#include "pgcycle/migrate/dependents.hpp"
#include "pgcycle/migrate/history.hpp"
#include "pgcycle/migrate/step_runner.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

using Versions = std::span<const Version>;

// Those up to the one to stop at.
Versions wanted_versions(const MigrateRequest& request, const std::vector<Version>& versions) {
  if (request.to.empty()) return versions;
  const auto last = &find_version(versions, request.to) - versions.data();
  return Versions(versions).first(static_cast<std::size_t>(last) + 1);
}

bool is_pending(const Version& version, const JournalContents& journal) {
  return !journal.versions.contains(version.name) ||
         std::any_of(version.steps.begin(), version.steps.end(),
                     [&](const Step& step) { return !journal.is_current(version, step); });
}

// What is left of them to be applied.
std::vector<Version> pending_of(Versions versions, const JournalContents& journal) {
  std::vector<Version> out;
  for (const Version& version : versions) {
    if (!is_pending(version, journal)) continue;
    out.push_back(version);
    std::erase_if(out.back().steps,
                  [&](const Step& step) { return journal.is_current(version, step); });
  }
  return out;
}

std::string state_of(const Version& version, const Step& step, const JournalContents& journal) {
  const StepRecord* record = journal.find(version, step);
  if (record == nullptr) return "pending";
  if (record->taken_back) return "half taken back";
  if (record->state != "done") return "interrupted";
  return journal.is_current(version, step) ? "done" : "changed";
}

MigrateReport describe(Versions versions, const JournalContents& journal) {
  MigrateReport report;
  for (const Version& version : versions) {
    VersionReport out;
    out.version = version.name;
    out.description = version.description;
    if (const auto found = journal.versions.find(version.name); found != journal.versions.end()) {
      out.applied = true;
      out.applied_at = found->second.applied_at;
    }
    for (const Step& step : version.steps) {
      StepReport line{version.name, step.name, step.kind, state_of(version, step, journal), 0, {}};
      line.alone = step.no_transaction;
      line.way_back = step.down.has_value();
      if (const StepRecord* record = journal.find(version, step)) {
        line.duration_ms = record->duration_ms;
        line.finished_at = record->finished_at;
      }
      out.steps.push_back(std::move(line));
    }
    report.versions.push_back(std::move(out));
  }
  return report;
}

LockSettings lock_settings(const Config& config) {
  return {config.duration_seconds("migrations.lockTimeout"),
          config.duration_seconds("migrations.lockWait")};
}

void guard(const MigrateRequest& request, postgres::Connection& connection) {
  if (!request.guarded) return;
  server::require_test_database(connection, request.target, request.config, request.reporter,
                                "migrate the database");
}

void refuse_half_taken_back(Versions versions, const JournalContents& journal) {
  for (const Version& version : versions) {
    for (const Step& step : version.steps) {
      const StepRecord* record = journal.find(version, step);
      if (record == nullptr || !record->taken_back) continue;
      throw Error(ErrorCode::check, fmt::format("{} is half taken back", step.name))
          .at(step.file.string())
          .hint("run down again, which goes on where it stopped");
    }
  }
}

// Where a database stands against the files.
struct Standing {
  std::vector<Version> versions;
  postgres::Connection connection;
  JournalContents journal;
};

// The files are read while the server opens the session.
Standing look(const MigrateRequest& request) {
  auto opening =
      std::async(std::launch::async, [&] { return open_plain(request.target, request.reporter); });
  std::vector<Version> versions = read_migrations(request.directory);
  postgres::Connection connection = opening.get();
  JournalContents journal = Journal(connection).read();
  return {std::move(versions), std::move(connection), std::move(journal)};
}

constexpr std::size_t kMostInARow = 500;
constexpr std::uintmax_t kSmallFile = 64 << 10U;

// What both directions share: the journal under the lock, the session and its patience.
class Run {
 public:
  explicit Run(const MigrateRequest& request) : Run(request, look(request)) {}
  Run(const MigrateRequest& request, Standing standing)
      : request_(request),
        all_versions_(std::move(standing.versions)),
        connection_(std::move(standing.connection)),
        journal_(connection_),
        contents_(std::move(standing.journal)) {}

 protected:
  HistoryPolicy policy() const {
    return {request_.out_of_order, request_.sql_only, request_.accepted_changes};
  }

  // From here on nobody else migrates this database.
  void begin() {
    auto opening = std::async(std::launch::async,
                              [this] { return open_plain(request_.target, request_.reporter); });
    guard(request_, connection_);
    turn_.emplace(opening.get(), "migrate", request_.reporter);
    check_history(all_versions_, journal_.read(), policy());
    journal_.prepare();
    journal_.take_turn(request_.reporter);
    contents_ = journal_.read();
    check_history(all_versions_, contents_, policy());
    request_.standard_conforming_strings =
        connection_.query("SHOW standard_conforming_strings").get(0, 0) == "on";
    patience_.emplace(request_.target, lock_settings(request_.config), connection_.backend_pid(),
                      request_.reporter);
  }

  // The turn goes with its session; looked after now and then.
  void require_turn() {
    constexpr auto kLookAfter = std::chrono::seconds(2);
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < kLookAfter) return;
    turn_->require_held();
    looked_ = now;
  }

  void mark_done(const Version& version, const Step& step) {
    StepRecord& record = contents_.steps[{version.name, step.name}];
    record = {};
    record.state = "done";
    record.checksum = step.checksum;
  }

  void keep_checks(const std::vector<CheckResult>& results) {
    checks_.insert(checks_.end(), results.begin(), results.end());
  }

  MigrateReport report(Versions versions) {
    MigrateReport out = describe(versions, journal_.read());
    out.checks = std::move(checks_);
    out.steps_run = steps_run_;
    return out;
  }

  MigrateRequest request_;
  const std::vector<Version> all_versions_;
  postgres::Connection connection_;
  Journal journal_;
  JournalContents contents_;
  std::optional<server::TransactionLock> turn_;
  std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
  std::optional<LockPatience> patience_;
  std::vector<CheckResult> checks_;
  std::size_t steps_run_ = 0;
};

class UpRun : public Run {
 public:
  using Run::Run;

  MigrateReport run() {
    const Versions versions = wanted_versions(request_, all_versions_);
    const bool nothing = std::none_of(versions.begin(), versions.end(), [this](const Version& v) {
      return is_pending(v, contents_);
    });
    if (request_.dry_run || (nothing && request_.accepted_changes.empty())) {
      check_history(all_versions_, contents_, policy());
      refuse_half_taken_back(all_versions_, contents_);
      return describe(versions, contents_);
    }
    begin();
    refuse_half_taken_back(all_versions_, contents_);
    refuse_another_plan(versions);
    accept_changes();
    for (std::size_t i = 0; i < versions.size();) {
      const std::size_t behind = end_of_row(versions, i);
      if (behind > i + 1) {
        apply_in_a_row(versions, i, behind);
        i = behind;
      } else {
        if (is_pending(versions[i], contents_)) apply(versions[i]);
        ++i;
      }
    }
    MigrateReport out = report(versions);
    mark_skipped(out);
    return out;
  }

 private:
  // --- small versions in a row ---

  // Nothing has to be asked or told between them, so that they go in one message.
  bool can_go_in_a_row(const Version& version) const {
    if (version.steps.size() != 1 || version.preflight || version.checks ||
        version.one_transaction || !version.requires_version.empty() || !version.alembic.empty() ||
        request_.observer != nullptr) {
      return false;
    }
    const Step& step = version.steps.front();
    std::error_code error;
    return step.is_sql() && !step.no_transaction && !step.repeatable && step.keeps_session &&
           !step.may_drop && !step.verify && step.required_tables.empty() &&
           step.required_steps.empty() && contents_.find(version, step) == nullptr &&
           !contents_.versions.contains(version.name) &&
           std::filesystem::file_size(step.file, error) < kSmallFile;
  }

  std::size_t end_of_row(Versions versions, std::size_t first) const {
    std::size_t end = first;
    while (end < versions.size() && end - first < kMostInARow && can_go_in_a_row(versions[end])) {
      ++end;
    }
    return end;
  }

  void apply_in_a_row(Versions versions, std::size_t first, std::size_t end) {
    throw_if_interrupted();
    require_turn();
    std::vector<const Version*> row;
    for (std::size_t i = first; i < end; ++i) row.push_back(&versions[i]);
    const auto told = [&](std::size_t i) {
      mark_done(*row[i], row[i]->steps.front());
      contents_.versions[row[i]->name] = {};
      ++steps_run_;
      request_.reporter.info("{} {} (sql)", row[i]->name, row[i]->steps.front().name);
    };
    std::size_t done = 0;
    bool again = false;
    // Those in front of one that failed are done, as the journal says.
    const auto look = [&] {
      const JournalContents now = journal_.read();
      while (done < row.size() && now.is_done(*row[done], row[done]->steps.front())) told(done++);
      return done;
    };
    try {
      StepRunner(connection_, journal_, request_, *patience_).run_in_a_row(row, [&] {
        return std::exchange(again, true) ? look() : done;
      });
    } catch (const Error& error) {
      if (error.code() != ErrorCode::statement) throw;
      look();
      if (!error.location().file.empty() || done == row.size()) throw;
      throw Error(error).at(row[done]->steps.front().file.string());
    }
    while (done < row.size()) told(done++);
  }

  void refuse_another_plan(Versions versions) const {
    if (request_.plan.empty() || plan_hash(pending_of(versions, contents_)) == request_.plan) {
      return;
    }
    throw Error(ErrorCode::check, "what is to be applied changed while the run was prepared")
        .at(request_.directory.string())
        .hint("nothing was applied; rehearse the files as they are now, and run up again");
  }

  void accept_changes() {
    if (request_.accepted_changes.empty()) return;
    for (const Version& version : all_versions_) {
      for (const Step& step : version.steps) {
        const StepRecord* record = contents_.find(version, step);
        if (record == nullptr || record->checksum == step.checksum || step.repeatable ||
            !is_accepted(policy(), version, step)) {
          continue;
        }
        journal_.run(Journal::checksum_is(version, step));
        contents_.steps[{version.name, step.name}].checksum = step.checksum;
        request_.reporter.notice("{} {} is taken as it is now", version.name, step.name);
      }
    }
  }

  void check_requirement(const Version& version) const {
    if (version.requires_version.empty() || contents_.versions.contains(version.requires_version)) {
      return;
    }
    const bool here =
        std::any_of(all_versions_.begin(), all_versions_.end(),
                    [&](const Version& other) { return other.name == version.requires_version; });
    if (here) {
      throw Error(ErrorCode::check, fmt::format("{} requires {}, which is not applied",
                                                version.name, version.requires_version))
          .at(version.requires_place)
          .hint("apply it first");
    }
    request_.reporter.verbose("{} requires {}, which has no folder here: taken as the start",
                              version.name, version.requires_version);
  }

  bool anything_done(const Version& version) const {
    return std::any_of(version.steps.begin(), version.steps.end(),
                       [&](const Step& step) { return contents_.find(version, step) != nullptr; });
  }

  void apply(const Version& version) {
    check_requirement(version);
    if (version.preflight && !anything_done(version)) {
      run_checks_of(*version.preflight, fmt::format("before {}", version.name));
    }
    std::vector<const Step*> pending;
    bool complete = true;
    for (const Step& step : version.steps) {
      if (contents_.is_current(version, step)) continue;
      if (step.kind == StepKind::script && request_.sql_only) {
        request_.reporter.notice("{} {} is a script and is skipped by --sql-only", version.name,
                                 step.name);
        skipped_.push_back(step.name);
        complete = false;
      } else {
        pending.push_back(&step);
      }
    }
    if (version.one_transaction) {
      apply_together(version, pending);
      return;
    }
    bool recorded = false;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      recorded = complete && !version.checks && i + 1 == pending.size();
      run_step(version, *pending[i], recorded);
    }
    if (!complete) return;
    if (!recorded) {
      if (version.checks) run_checks_of(*version.checks, fmt::format("after {}", version.name));
      connection_.query_all(Journal::version_done(version));
    }
    contents_.versions[version.name] = {};
  }

  void apply_together(const Version& version, const std::vector<const Step*>& steps) {
    throw_if_interrupted();
    for (const Step* step : steps) announce(version, *step);
    StepRunner runner(connection_, journal_, request_, *patience_);
    runner.run_together(version, steps);
    if (request_.observer != nullptr) request_.observer->end_steps();
    keep_checks(runner.checks());
    for (const Step* step : steps) {
      mark_done(version, *step);
      ++steps_run_;
    }
    contents_.versions[version.name] = {};
    request_.reporter.info("{} ({} steps in one transaction)", version.name, steps.size());
  }

  void run_step(const Version& version, const Step& step, bool completes_version) {
    throw_if_interrupted();
    announce(version, step);
    const auto start = std::chrono::steady_clock::now();
    StepRunner runner(connection_, journal_, request_, *patience_);
    if (request_.observer != nullptr) request_.observer->begin_step(version, step, connection_);
    require_turn();
    try {
      runner.run(version, step, contents_.find(version, step), completes_version);
    } catch (const Error& error) {
      // A constraint that is proven at the commit is no statement's.
      if (error.code() != ErrorCode::statement || !error.location().file.empty()) throw;
      throw Error(error).at(step.file.string());
    }
    if (request_.observer != nullptr) request_.observer->end_steps();
    keep_checks(runner.checks());
    mark_done(version, step);
    ++steps_run_;
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    request_.reporter.info("{} {} ({}) in {:.0f} ms", version.name, step.name, name_of(step.kind),
                           took.count());
  }

  // What must hold before the step, and what it will take away with it.
  void announce(const Version& version, const Step& step) {
    for (const std::string& table : step.required_tables) {
      if (!connection_.query("SELECT to_regclass($1)", {table}).is_null(0, 0)) continue;
      throw Error(ErrorCode::check,
                  fmt::format("{} requires the table {}, which is not there", step.name, table))
          .at(step.file.string());
    }
    for (const std::string& number : step.required_steps) {
      const auto wanted =
          std::find_if(version.steps.begin(), version.steps.end(), [&](const Step& other) {
            return other.name == number || std::to_string(other.number) == number ||
                   other.name.substr(0, other.name.find('_')) == number;
          });
      if (wanted != version.steps.end() && contents_.is_done(version, *wanted)) continue;
      throw Error(ErrorCode::check,
                  fmt::format("{} requires step {}, which is not applied", step.name, number))
          .at(step.file.string());
    }
    if (!step.may_drop) return;
    for (const DroppedObject& dropped : dropped_with_dependents(connection_, step)) {
      request_.reporter.notice("{} {}: {}", version.name, step.name, describe_drop(dropped));
    }
  }

  void run_checks_of(const std::filesystem::path& file, const std::string& when) {
    const std::vector<CheckResult> results = run_checks(connection_, read_checks(file));
    require_passed(results, when);
    keep_checks(results);
  }

  void mark_skipped(MigrateReport& report) const {
    for (VersionReport& version : report.versions) {
      for (StepReport& step : version.steps) {
        if (std::find(skipped_.begin(), skipped_.end(), step.step) != skipped_.end()) {
          step.state = "skipped";
        }
      }
    }
  }

  std::vector<std::string> skipped_;
};

class DownRun : public Run {
 public:
  using Run::Run;

  MigrateReport run() {
    if (request_.dry_run) {
      check_history(all_versions_, contents_, {true, false, request_.accepted_changes});
      choose();
      return describe(chosen_versions(), contents_);
    }
    request_.out_of_order = true;
    begin();
    choose();
    for (const auto& [version, step] : chosen_) take_back(*version, *step);
    return report(all_versions_);
  }

 private:
  // The steps to take back, the last one first.
  void choose() {
    chosen_.clear();
    const std::optional<std::string> stays = version_that_stays();
    std::string last;
    // NOLINTNEXTLINE(modernize-loop-convert): clang 14 has no std::views::reverse
    for (auto version = all_versions_.rbegin(); version != all_versions_.rend(); ++version) {
      if (version->repeatable()) continue;
      if (stays && version->name == *stays) break;
      for (auto step = version->steps.rbegin(); step != version->steps.rend(); ++step) {
        if (contents_.find(*version, *step) == nullptr) continue;
        if (!request_.steps && !stays) {
          if (last.empty()) last = version->name;
          if (version->name != last) break;
        }
        if (request_.steps && chosen_.size() == *request_.steps) break;
        chosen_.emplace_back(&*version, &*step);
      }
    }
    refuse_one_way();
    refuse_if_needed();
  }

  // Empty text: none stays.
  std::optional<std::string> version_that_stays() const {
    if (request_.to.empty()) return std::nullopt;
    if (request_.to == "0") return std::string();
    return find_version(all_versions_, request_.to).name;
  }

  void refuse_one_way() const {
    ErrorList errors;
    for (const auto& [version, step] : chosen_) {
      const StepRecord* record = contents_.find(*version, *step);
      if (record->state != "done") {
        errors.add(
            Error(ErrorCode::check, fmt::format("{} {} is half applied", version->name, step->name))
                .at(step->file.string())
                .hint("run up first, which goes on where it stopped"));
      } else if (!step->down) {
        errors.add(
            Error(ErrorCode::check, fmt::format("{} {} has no way back", version->name, step->name))
                .at(step->file.string())
                .hint(fmt::format("write {}.down.sql beside it, or restore a backup with "
                                  "pgcycle-migrate rollback",
                                  step->name)));
      }
    }
    errors.raise_if_any();
  }

  // An applied migration that stays must not require one that goes.
  void refuse_if_needed() const {
    ErrorList errors;
    for (const Version& version : all_versions_) {
      const bool goes = std::any_of(chosen_.begin(), chosen_.end(),
                                    [&](const auto& one) { return one.first == &version; });
      const bool stays = contents_.versions.contains(version.name) && !goes;
      for (const auto& [other, step] : chosen_) {
        if (!stays || version.requires_version != other->name) continue;
        errors.add(Error(ErrorCode::check,
                         fmt::format("{} requires {}, and is applied", version.name, other->name))
                       .at(version.requires_place)
                       .hint(fmt::format("take {} back first", version.name)));
        break;
      }
    }
    errors.raise_if_any();
  }

  std::vector<Version> chosen_versions() const {
    std::vector<Version> out;
    for (const auto& [version, step] : chosen_) {
      if (out.empty() || out.back().name != version->name) {
        out.push_back(*version);
        out.back().steps.clear();
      }
      out.back().steps.push_back(*step);
    }
    return out;
  }

  void take_back(const Version& version, const Step& step) {
    throw_if_interrupted();
    const auto start = std::chrono::steady_clock::now();
    StepRunner runner(connection_, journal_, request_, *patience_);
    if (request_.observer != nullptr) request_.observer->begin_step(version, step, connection_);
    runner.take_back(version, step, *contents_.find(version, step));
    if (request_.observer != nullptr) request_.observer->end_steps();
    ++steps_run_;
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    request_.reporter.info("{} {} taken back in {:.0f} ms", version.name, step.name, took.count());
  }

  std::vector<std::pair<const Version*, const Step*>> chosen_;
};

}  // namespace

MigrateReport up(const MigrateRequest& request) { return UpRun(request).run(); }

MigrateReport apply_versions(const MigrateRequest& request, std::vector<Version> versions) {
  postgres::Connection connection = open_plain(request.target, request.reporter);
  JournalContents journal = Journal(connection).read();
  return UpRun(request, {std::move(versions), std::move(connection), std::move(journal)}).run();
}

MigrateReport down(const MigrateRequest& request) { return DownRun(request).run(); }

MigrateReport status(const MigrateRequest& request) {
  const Standing now = look(request);
  check_history(now.versions, now.journal, {true, false, request.accepted_changes});
  return describe(now.versions, now.journal);
}

MigrateReport verify(const MigrateRequest& request) {
  if (!request.checks_file.empty()) {
    auto connection = open_plain(request.target, request.reporter);
    MigrateReport report;
    report.checks = run_checks(connection, read_checks(request.checks_file));
    return report;
  }
  Standing now = look(request);
  check_history(now.versions, now.journal, {true, false, request.accepted_changes});
  MigrateReport report = describe(now.versions, now.journal);
  for (const Version& version : now.versions) {
    if (is_pending(version, now.journal) && !now.journal.versions.contains(version.name)) continue;
    if (!version.checks) continue;
    for (CheckResult& result : run_checks(now.connection, read_checks(*version.checks))) {
      report.checks.push_back(std::move(result));
    }
  }
  return report;
}

std::vector<Version> pending_versions(const MigrateRequest& request) {
  const Standing now = look(request);
  return pending_of(wanted_versions(request, now.versions), now.journal);
}

}  // namespace pgcycle::migrate
