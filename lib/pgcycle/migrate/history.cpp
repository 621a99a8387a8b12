#include "pgcycle/migrate/history.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::migrate {

namespace {

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

void check_late_steps(const Version& version, const JournalContents& journal, ErrorList& errors) {
  const Step* late = nullptr;
  for (const Step& step : version.steps) {
    const StepRecord* record = journal.find(version, step);
    if (record == nullptr && late == nullptr) late = &step;
    if (record == nullptr || late == nullptr) continue;
    errors.add(Error(ErrorCode::check,
                     fmt::format("{} came in behind {}, which is applied", late->name, step.name))
                   .at(late->file.string())
                   .hint("give it a number above the applied ones"));
    return;
  }
}

void check_late_versions(const std::vector<Version>& versions, const JournalContents& journal,
                         ErrorList& errors) {
  const Version* applied = nullptr;  // the highest
  for (const Version& version : versions) {
    const bool any = std::any_of(version.steps.begin(), version.steps.end(), [&](const Step& s) {
      return journal.find(version, s) != nullptr;
    });
    if (!version.repeatable() && (any || journal.versions.contains(version.name))) {
      applied = &version;
    }
  }
  if (applied == nullptr) return;
  for (const Version& version : versions) {
    if (&version == applied) return;
    if (version.repeatable() || journal.versions.contains(version.name)) continue;
    errors.add(Error(ErrorCode::check, fmt::format("{} is not applied, but {} above it is",
                                                   version.name, applied->name))
                   .at(version.directory.string())
                   .hint("give it a number above the applied ones, or apply it all the same with "
                         "--out-of-order"));
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
    check_late_versions(versions, journal, errors);
  }
  errors.raise_if_any();
}

}  // namespace pgcycle::migrate
