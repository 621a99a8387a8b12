#include "pgcycle/migrate/history.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::migrate {

namespace {

constexpr const char* kLateHint =
    "give it a number above the applied ones, or apply it all the same with --out-of-order";

const Version* version_named(const std::vector<Version>& versions, const std::string& name) {
  const auto found = std::find_if(versions.begin(), versions.end(),
                                  [&name](const Version& v) { return v.name == name; });
  return found == versions.end() ? nullptr : &*found;
}

void check_applied_files(const std::vector<Version>& versions, const JournalContents& journal,
                         const HistoryPolicy& policy, ErrorList& errors) {
  for (const auto& [id, record] : journal.steps) {
    const Version* version = version_named(versions, id.first);
    if (version == nullptr) {
      errors.add(
          Error(ErrorCode::check, fmt::format("the files of applied version {} are gone", id.first))
              .hint("restore them, or migrate with the checkout that has them"));
      continue;
    }
    const auto step =
        std::find_if(version->steps.begin(), version->steps.end(),
                     [&step_name = id.second](const Step& s) { return s.name == step_name; });
    if (step == version->steps.end()) {
      errors.add(Error(ErrorCode::check,
                       fmt::format("the file of applied step {} {} is gone", id.first, id.second))
                     .at(version->directory.string())
                     .hint("restore the file"));
    } else if (record.state == "done" && !step->repeatable && record.checksum != step->checksum &&
               !is_accepted(policy, *version, *step)) {
      errors.add(Error(ErrorCode::check, fmt::format("{} has changed since it was applied",
                                                     step->file.filename().string()))
                     .at(step->file.string())
                     .detail(fmt::format("applied {}…, now {}…", record.checksum.substr(0, 12),
                                         step->checksum.substr(0, 12)))
                     .hint(fmt::format("restore the file and put the change into a new step; if it "
                                       "changes nothing, say --accept-changed {}",
                                       step->name)));
    }
  }
}

// A script that --sql-only skipped may run behind what came after it: its version is not recorded.
bool may_be_late(const Version& version, const Step& step, const JournalContents& journal) {
  return step.kind == StepKind::script && !journal.versions.contains(version.name);
}

void check_late_steps(const Version& version, const JournalContents& journal, ErrorList& errors) {
  const Step* late = nullptr;
  for (const Step& step : version.steps) {
    const StepRecord* record = journal.find(version, step);
    if (record == nullptr && late == nullptr && !may_be_late(version, step, journal)) late = &step;
    if (record == nullptr || late == nullptr) continue;
    errors.add(Error(ErrorCode::check,
                     fmt::format("{} came in behind {}, which is applied", late->name, step.name))
                   .at(late->file.string())
                   .hint(kLateHint));
    return;
  }
}

bool any_done(const Version& version, const JournalContents& journal) {
  return std::any_of(version.steps.begin(), version.steps.end(),
                     [&](const Step& step) { return journal.find(version, step) != nullptr; });
}

// Of one of which nothing is done, only a run that skips scripts knows that it was not late.
bool lacks_scripts_only(const Version& version, const JournalContents& journal,
                        const HistoryPolicy& policy) {
  return (policy.sql_only || any_done(version, journal)) &&
         std::all_of(version.steps.begin(), version.steps.end(), [&](const Step& step) {
           return journal.find(version, step) != nullptr || may_be_late(version, step, journal);
         });
}

void check_late_versions(const std::vector<Version>& versions, const JournalContents& journal,
                         const HistoryPolicy& policy, ErrorList& errors) {
  const Version* applied = nullptr;  // the highest
  for (const Version& version : versions) {
    if (!version.repeatable() &&
        (any_done(version, journal) || journal.versions.contains(version.name))) {
      applied = &version;
    }
  }
  if (applied == nullptr) return;
  for (const Version& version : versions) {
    if (&version == applied) return;
    if (version.repeatable() || journal.versions.contains(version.name) ||
        lacks_scripts_only(version, journal, policy)) {
      continue;
    }
    errors.add(Error(ErrorCode::check, fmt::format("{} is not applied, but {} above it is",
                                                   version.name, applied->name))
                   .at(version.directory.string())
                   .hint(kLateHint));
  }
}

}  // namespace

bool is_accepted(const HistoryPolicy& policy, const Version& version, const Step& step) {
  return std::any_of(policy.accepted_changes.begin(), policy.accepted_changes.end(),
                     [&](const std::string& name) {
                       return name == step.name || name == version.name + " " + step.name;
                     });
}

void check_history(const std::vector<Version>& versions, const JournalContents& journal,
                   const HistoryPolicy& policy) {
  ErrorList errors;
  check_applied_files(versions, journal, policy, errors);
  if (!policy.out_of_order) {
    for (const Version& version : versions) check_late_steps(version, journal, errors);
    check_late_versions(versions, journal, policy, errors);
  }
  errors.raise_if_any();
}

}  // namespace pgcycle::migrate
