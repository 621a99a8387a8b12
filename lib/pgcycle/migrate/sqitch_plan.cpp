#include "pgcycle/migrate/sqitch_plan.hpp"

#include <fmt/format.h>

#include <sstream>

#include "pgcycle/migrate/step_file.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;

// A change of the plan, and the tag that tells it from a later change of the same name.
struct Change {
  std::string name;
  std::string tag;
  bool reworked = false;
  int line = 0;

  std::string file_name() const { return reworked ? name + "@" + tag : name; }
};

std::string first_word(const std::string& line) {
  const std::size_t start = line.find_first_not_of(" \t\r");
  if (start == std::string::npos) return {};
  return line.substr(start, line.find_first_of(" \t\r", start) - start);
}

void rework_earlier(std::vector<Change>& changes, const Change& change, const fs::path& plan) {
  for (Change& earlier : changes) {
    if (earlier.name != change.name || earlier.reworked) continue;
    if (earlier.tag.empty()) {
      throw Error(ErrorCode::input,
                  fmt::format("{} stands twice in the plan without a tag between", change.name))
          .at(plan.string(), change.line)
          .hint(fmt::format("the first is in line {}; rework a change once it is tagged",
                            earlier.line));
    }
    earlier.reworked = true;
  }
}

std::vector<Change> read_changes(const fs::path& plan) {
  std::vector<Change> changes;
  std::istringstream lines(read_file(plan));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::string word = first_word(line);
    if (word.empty() || word[0] == '#' || word[0] == '%') continue;
    if (word[0] == '@') {
      const std::string tag = word.substr(1);
      for (Change& change : changes) {
        if (change.tag.empty()) change.tag = tag;
      }
      continue;
    }
    if (word[0] == '-') {
      throw Error(ErrorCode::input, "changes that take others back are not read")
          .at(plan.string(), number)
          .hint("leave the change and this line out, or put what it does into a change of its own");
    }
    if (word[0] == '+') word.erase(0, 1);
    const Change change{word, {}, false, number};
    rework_earlier(changes, change, plan);
    changes.push_back(change);
  }
  return changes;
}

}  // namespace

std::vector<Version> read_sqitch_plan(const fs::path& directory) {
  const fs::path plan = directory / kSqitchPlan;
  std::vector<Version> out;
  ErrorList errors;
  for (const Change& change : read_changes(plan)) {
    const std::string file = change.file_name() + ".sql";
    Version version =
        one_step_version(directory, change.file_name(), static_cast<std::int64_t>(out.size()) + 1);
    Step& step = version.steps[0];
    step.file = directory / "deploy" / file;
    if (fs::exists(directory / "revert" / file)) step.down = directory / "revert" / file;
    if (!fs::exists(step.file)) {
      errors.add(Error(ErrorCode::input, fmt::format("no file {}", step.file.string()))
                     .at(plan.string(), change.line)
                     .hint("restore it; the folder with sqitch.plan must hold deploy/"));
    }
    out.push_back(std::move(version));
  }
  errors.raise_if_any();
  return out;
}

}  // namespace pgcycle::migrate
