#include "pgcycle/migrate/runner.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/migrate/step_runner.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

postgres::Connection open_plain(const MigrateRequest& request) {
  return postgres::Connection::open(request.target.info,
                                    {request.target.application_name, &request.reporter, true});
}

std::vector<Version> wanted_versions(const MigrateRequest& request, std::vector<Version> versions) {
  if (request.to.empty()) return versions;
  const auto last = std::find_if(versions.begin(), versions.end(),
                                 [&](const Version& v) { return v.name == request.to; });
  if (last == versions.end()) {
    std::vector<std::string> known;
    for (const Version& version : versions) known.push_back(version.name);
    throw Error(ErrorCode::usage, fmt::format("no such version: {}", request.to))
        .hint(did_you_mean(request.to, known,
                           fmt::format("the versions are {}", fmt::join(known, ", "))));
  }
  versions.erase(last + 1, versions.end());
  return versions;
}

// Applied steps whose files are no longer what was applied, and steps that
// came in behind others of their version.
void check_history(const std::vector<Version>& versions, const JournalContents& journal) {
  ErrorList errors;
  for (const auto& [id, record] : journal.steps) {
    const auto version = std::find_if(
        versions.begin(), versions.end(),
        [&version_name = id.first](const Version& v) { return v.name == version_name; });
    if (version == versions.end()) continue;
    const auto step =
        std::find_if(version->steps.begin(), version->steps.end(),
                     [&step_name = id.second](const Step& s) { return s.name == step_name; });
    if (step == version->steps.end()) {
      errors.add(Error(ErrorCode::check,
                       fmt::format("the file of applied step {} {} is gone", id.first, id.second))
                     .at(version->directory.string())
                     .hint("restore the file"));
    } else if (record.state == "done" && record.checksum != step->checksum) {
      errors.add(Error(ErrorCode::check, fmt::format("{} has changed since it was applied",
                                                     step->file.filename().string()))
                     .at(step->file.string())
                     .detail(fmt::format("applied {}…, now {}…", record.checksum.substr(0, 12),
                                         step->checksum.substr(0, 12)))
                     .hint("restore the file and put the change into a new step"));
    }
  }
  for (const Version& version : versions) {
    const Step* late = nullptr;
    for (const Step& step : version.steps) {
      const StepRecord* record = journal.find(version, step);
      if (record == nullptr && late == nullptr) late = &step;
      if (record != nullptr && late != nullptr) {
        errors.add(Error(ErrorCode::check, fmt::format("{} came in behind {}, which is applied",
                                                       late->name, step.name))
                       .at(late->file.string())
                       .hint("give it a number above the applied ones"));
        break;
      }
    }
  }
  errors.raise_if_any();
}

MigrateReport describe(const std::vector<Version>& versions, const JournalContents& journal) {
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
      StepReport line{version.name, step.name, step.kind, "pending", 0, {}};
      if (const StepRecord* record = journal.find(version, step)) {
        line.state = record->state == "done" ? "done" : "interrupted";
        line.duration_ms = record->duration_ms;
        line.finished_at = record->finished_at;
      }
      out.steps.push_back(std::move(line));
    }
    report.versions.push_back(std::move(out));
  }
  return report;
}

class UpRun {
 public:
  explicit UpRun(const MigrateRequest& request)
      : request_(request),
        all_versions_(read_migrations(request.directory)),
        connection_(open_plain(request)),
        journal_(connection_) {}

  MigrateReport run() {
    const std::vector<Version> versions = wanted_versions(request_, all_versions_);
    guard();
    auto lock_session = server::open_target(request_.target, request_.reporter);
    const server::AdvisoryLock turn(lock_session, "migrate", request_.reporter);
    contents_ = journal_.read();
    check_history(all_versions_, contents_);
    if (request_.dry_run) return describe(versions, contents_);
    journal_.prepare();
    for (const Version& version : versions) {
      if (!contents_.versions.contains(version.name)) apply(version);
    }
    MigrateReport report = describe(versions, journal_.read());
    report.checks = std::move(checks_);
    report.steps_run = steps_run_;
    mark_skipped(report);
    return report;
  }

 private:
  void guard() {
    auto maintenance = server::open_maintenance(request_.target, request_.reporter);
    server::require_test_database(maintenance, request_.target, request_.config, request_.reporter,
                                  "migrate the database");
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
    bool complete = true;
    StepRunner runner(connection_, journal_, request_);
    for (const Step& step : version.steps) {
      if (contents_.is_done(version, step)) continue;
      if (step.kind == StepKind::script && request_.sql_only) {
        request_.reporter.notice("{} {} is a script and is skipped by --sql-only", version.name,
                                 step.name);
        skipped_.push_back(step.name);
        complete = false;
        continue;
      }
      run_step(runner, version, step);
    }
    if (!complete) return;
    if (version.checks) run_checks_of(*version.checks, fmt::format("after {}", version.name));
    postgres::Transaction transaction(connection_);
    journal_.finish_version(version);
    transaction.commit();
    contents_ = journal_.read();
  }

  void run_step(StepRunner& runner, const Version& version, const Step& step) {
    throw_if_interrupted();
    check_step_requirements(version, step);
    const double duration = runner.run(version, step, contents_.find(version, step));
    for (const CheckResult& check : runner.checks()) checks_.push_back(check);
    ++steps_run_;
    request_.reporter.info("{} {} ({}) in {:.0f} ms", version.name, step.name, name_of(step.kind),
                           duration);
    contents_ = journal_.read();
  }

  void check_step_requirements(const Version& version, const Step& step) {
    for (const std::string& table : step.required_tables) {
      if (!connection_.query("SELECT to_regclass($1)", {table}).is_null(0, 0)) continue;
      throw Error(ErrorCode::check,
                  fmt::format("{} requires the table {}, which is not there", step.name, table))
          .at(step.file.string());
    }
    for (const std::string& number : step.required_steps) {
      const bool done = std::any_of(version.steps.begin(), version.steps.end(), [&](const Step& s) {
        return s.number == std::atoi(number.c_str()) && contents_.is_done(version, s);
      });
      if (done) continue;
      throw Error(ErrorCode::check,
                  fmt::format("{} requires step {}, which is not applied", step.name, number))
          .at(step.file.string());
    }
  }

  void run_checks_of(const std::filesystem::path& file, const std::string& when) {
    const std::vector<CheckResult> results = run_checks(connection_, read_checks(file));
    require_passed(results, when);
    for (const CheckResult& result : results) checks_.push_back(result);
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

  const MigrateRequest& request_;
  const std::vector<Version> all_versions_;
  postgres::Connection connection_;
  Journal journal_;
  JournalContents contents_;
  std::vector<CheckResult> checks_;
  std::vector<std::string> skipped_;
  std::size_t steps_run_ = 0;
};

}  // namespace

MigrateReport up(const MigrateRequest& request) { return UpRun(request).run(); }

MigrateReport status(const MigrateRequest& request) {
  const std::vector<Version> versions = read_migrations(request.directory);
  auto connection = open_plain(request);
  const JournalContents journal = Journal(connection).read();
  check_history(versions, journal);
  return describe(versions, journal);
}

MigrateReport verify(const MigrateRequest& request) {
  const std::vector<Version> versions = read_migrations(request.directory);
  auto connection = open_plain(request);
  const JournalContents journal = Journal(connection).read();
  check_history(versions, journal);
  MigrateReport report = describe(versions, journal);
  for (const Version& version : versions) {
    const bool all_done = std::all_of(version.steps.begin(), version.steps.end(),
                                      [&](const Step& s) { return journal.is_done(version, s); });
    if (!all_done || !version.checks) continue;
    for (CheckResult& result : run_checks(connection, read_checks(*version.checks))) {
      report.checks.push_back(std::move(result));
    }
  }
  return report;
}

}  // namespace pgcycle::migrate
