#include "pgcycle/migrate/plan.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "pgcycle/migrate/layouts.hpp"
#include "pgcycle/migrate/step_file.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::migrate {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kDownEnding = ".down.sql";
constexpr std::string_view kVerifyEnding = ".verify.sql";

struct DataStep {
  std::string_view ending;
  StepKind kind;
};
constexpr DataStep kDataSteps[] = {{".rekey.json", StepKind::rekey},
                                   {".map-columns.json", StepKind::map_columns},
                                   {".backfill.json", StepKind::backfill}};

// "v0.3" and "v1.2.10" as numbers; nothing for another name.
std::optional<std::vector<std::int64_t>> version_number(std::string_view name) {
  if (!name.starts_with('v')) return std::nullopt;
  return dotted_number(name.substr(1));
}

Step name_step(const fs::path& path) {
  Step step;
  step.file = path;
  const std::string file_name = path.filename().string();
  const auto number = leading_number(file_name);
  const std::size_t behind = file_name.find_first_not_of("0123456789");
  if (!number || behind == std::string::npos || file_name[behind] != '_') {
    throw Error(ErrorCode::input,
                fmt::format("{} is not a step: its name has no number", file_name))
        .at(path.string())
        .hint("name steps like 010_add_timetable.sql; move other files out of the folder");
  }
  step.number = *number;
  for (const DataStep& data : kDataSteps) {
    if (!file_name.ends_with(data.ending)) continue;
    step.kind = data.kind;
    step.name = file_name.substr(0, file_name.size() - data.ending.size());
    return step;
  }
  if (file_name.ends_with(".sql")) {
    step.name = file_name.substr(0, file_name.size() - 4);
  } else if (access(path.c_str(), X_OK) == 0) {
    step.kind = StepKind::script;
    step.name = path.stem().string();
  } else {
    throw Error(ErrorCode::input, fmt::format("{} is neither SQL nor executable", file_name))
        .at(path.string())
        .hint("make it executable with chmod +x, or move it out of the folder");
  }
  return step;
}

void read_version_file(Version& version, const fs::path& path) {
  const JsonValue root = parse_json(read_file(path), path.string());
  for (std::size_t i = 0; i < root.keys.size(); ++i) {
    const JsonValue& value = root.items[i];
    if (!value.is(JsonValue::Kind::string)) {
      throw Error(ErrorCode::input, fmt::format("\"{}\" must be a string", root.keys[i]))
          .at(value.place);
    }
    if (root.keys[i] == "requires") {
      version.requires_version = value.text;
      version.requires_place = value.place;
    } else if (root.keys[i] == "description") {
      version.description = value.text;
    } else if (root.keys[i] == "alembic") {
      version.alembic = value.text;
    } else if (root.keys[i] == "transaction") {
      version.one_transaction = value.text == "version";
      if (value.text == "file" || value.text == "version") continue;
      throw Error(ErrorCode::input, fmt::format("\"transaction\" cannot be \"{}\"", value.text))
          .at(value.place)
          .hint("\"file\" is a transaction for each file, \"version\" one for all of them");
    } else {
      throw Error(ErrorCode::input, fmt::format("unknown key \"{}\"", root.keys[i]))
          .at(root.key_places[i])
          .hint(did_you_mean(root.keys[i], {"requires", "description", "transaction", "alembic"},
                             "the keys are requires, description, transaction and alembic"));
    }
  }
}

void attach_companions(Version& version, const std::vector<fs::path>& companions) {
  for (const fs::path& path : companions) {
    const std::string file_name = path.filename().string();
    const bool down = file_name.ends_with(kDownEnding);
    const std::string name =
        file_name.substr(0, file_name.size() - (down ? kDownEnding : kVerifyEnding).size());
    const auto step = std::find_if(version.steps.begin(), version.steps.end(),
                                   [&name](const Step& s) { return s.name == name; });
    if (step == version.steps.end()) {
      throw Error(ErrorCode::input, fmt::format("{} belongs to no step", file_name))
          .at(path.string())
          .hint(fmt::format("there must be a step {} beside it", name));
    }
    (down ? step->down : step->verify) = path;
  }
}

void check_one_transaction(const Version& version) {
  if (!version.one_transaction) return;
  for (const Step& step : version.steps) {
    const bool alone =
        step.no_transaction || step.kind == StepKind::script || step.kind == StepKind::backfill;
    if (!alone) continue;
    throw Error(ErrorCode::input, fmt::format("{} cannot be part of one transaction for all of {}",
                                              step.name, version.name))
        .at(step.file.string())
        .hint("move it to a version of its own, or say \"transaction\": \"file\"");
  }
}

Version read_version(const fs::path& directory, std::vector<std::int64_t> number) {
  Version version;
  version.name = directory.filename().string();
  version.number = std::move(number);
  version.directory = directory;
  std::vector<fs::path> companions;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with('.') && !name.ends_with('~')) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    const std::string name = path.filename().string();
    if (name == "version.json") {
      read_version_file(version, path);
    } else if (name == "preflight.sql") {
      version.preflight = path;
    } else if (name == "checks.sql") {
      version.checks = path;
    } else if (name == "README.md") {
      continue;
    } else if (name.ends_with(kDownEnding) || name.ends_with(kVerifyEnding)) {
      companions.push_back(path);
    } else {
      version.steps.push_back(name_step(path));
    }
  }
  std::sort(version.steps.begin(), version.steps.end(),
            [](const Step& a, const Step& b) { return a.number < b.number; });
  for (std::size_t i = 1; i < version.steps.size(); ++i) {
    if (version.steps[i].number != version.steps[i - 1].number) continue;
    throw Error(ErrorCode::input,
                fmt::format("two steps have the number {}", version.steps[i].number))
        .at(version.steps[i].file.string())
        .detail("the other is " + version.steps[i - 1].file.string())
        .hint("give one of them another number");
  }
  attach_companions(version, companions);
  for (Step& step : version.steps) step.is_sql() ? read_sql_step(step) : read_other_step(step);
  check_one_transaction(version);
  return version;
}

std::vector<Version> read_version_folders(const fs::path& directory) {
  std::vector<Version> versions;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_directory()) continue;
    if (auto number = version_number(entry.path().filename().string())) {
      versions.push_back(read_version(entry.path(), std::move(*number)));
    }
  }
  return versions;
}

}  // namespace

std::string_view name_of(StepKind kind) {
  switch (kind) {
    case StepKind::sql:
      return "sql";
    case StepKind::rekey:
      return "rekey";
    case StepKind::map_columns:
      return "map-columns";
    case StepKind::backfill:
      return "backfill";
    case StepKind::script:
      return "script";
  }
  return "unknown";
}

std::string_view name_of(Layout layout) {
  switch (layout) {
    case Layout::versions:
      return "folders of versions";
    case Layout::golang_migrate:
      return "golang-migrate";
    case Layout::directories:
      return "folders with up.sql";
    case Layout::flyway:
      return "Flyway";
    case Layout::sqitch:
      return "sqitch";
    case Layout::dbmate:
      return "dbmate";
    case Layout::goose:
      return "goose";
    case Layout::plain:
      return "numbered files";
  }
  return "unknown";
}

Layout layout_of(const fs::path& directory) {
  if (!fs::is_directory(directory)) return Layout::versions;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.is_directory() && version_number(entry.path().filename().string())) {
      return Layout::versions;
    }
  }
  return foreign_layout_of(directory).value_or(Layout::versions);
}

std::vector<Version> read_migrations(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw Error(ErrorCode::input, fmt::format("no migrations directory: {}", directory.string()))
        .hint("name it with --migrations DIR or \"migrations\": {\"dir\": …} in pgcycle.json");
  }
  const Layout layout = layout_of(directory);
  std::vector<Version> versions = layout == Layout::versions
                                      ? read_version_folders(directory)
                                      : read_foreign_migrations(directory, layout);
  if (versions.empty()) {
    throw Error(ErrorCode::input, fmt::format("no versions in {}", directory.string()))
        .hint(
            "a version is a folder named like v0.3; the files of golang-migrate, diesel, sqlx, "
            "Flyway, sqitch, dbmate and goose are read too");
  }
  std::sort(versions.begin(), versions.end(), [](const Version& a, const Version& b) {
    return std::forward_as_tuple(a.repeatable(), a.number, a.name) <
           std::forward_as_tuple(b.repeatable(), b.number, b.name);
  });
  for (std::size_t i = 1; i < versions.size(); ++i) {
    const Version& one = versions[i - 1];
    versions[i].alembic_before = one.alembic;
    if (versions[i].repeatable() || one.number != versions[i].number) continue;
    throw Error(ErrorCode::input,
                fmt::format("{} and {} have the same number", one.name, versions[i].name))
        .at(versions[i].directory.string())
        .hint("give one of them another number");
  }
  return versions;
}

const Version& find_version(const std::vector<Version>& versions, const std::string& name) {
  const auto exact = std::find_if(versions.begin(), versions.end(),
                                  [&](const Version& v) { return v.name == name; });
  if (exact != versions.end()) return *exact;
  const auto number = dotted_number(name.starts_with('v') ? name.substr(1) : name);
  if (number) {
    const auto same = std::find_if(versions.begin(), versions.end(), [&](const Version& v) {
      return !v.repeatable() && v.number == *number;
    });
    if (same != versions.end()) return *same;
  }
  std::vector<std::string> known;
  for (const Version& version : versions) known.push_back(version.name);
  throw Error(ErrorCode::usage, fmt::format("no such version: {}", name))
      .hint(did_you_mean(name, known, fmt::format("the versions are {}", fmt::join(known, ", "))));
}

std::string plan_hash(const std::vector<Version>& versions) {
  Sha256 hash;
  for (const Version& version : versions) {
    for (const Step& step : version.steps) {
      hash.update(fmt::format("{} {} {}\n", version.name, step.name, step.checksum));
    }
  }
  return to_hex(hash.finish());
}

}  // namespace pgcycle::migrate
