#include "pgcycle/migrate/plan.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "pgcycle/postgres/sql_lexer.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::migrate {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kRekeyEnding = ".rekey.json";
constexpr std::string_view kDownEnding = ".down.sql";
constexpr std::string_view kVerifyEnding = ".verify.sql";

// "v0.3" and "v1.2.10" as numbers; nothing for another name.
std::optional<std::vector<int>> version_number(std::string_view name) {
  if (!name.starts_with('v') || name.size() < 2) return std::nullopt;
  std::vector<int> out;
  const char* at = name.data() + 1;
  const char* end = name.data() + name.size();
  for (;;) {
    int part = 0;
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc()) return std::nullopt;
    out.push_back(part);
    if (next == end) return out;
    if (*next != '.') return std::nullopt;
    at = next + 1;
  }
}

std::string normalised(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

void apply_directive(Step& step, std::string_view directive, const Location& place) {
  if (directive == "no-transaction") {
    step.no_transaction = true;
  } else if (directive.starts_with("requires table ")) {
    step.required_tables.emplace_back(directive.substr(15));
  } else if (directive.starts_with("requires ")) {
    step.required_steps.emplace_back(directive.substr(9));
  } else if (!directive.starts_with("allow ")) {  // meant for lint
    throw Error(ErrorCode::input, fmt::format("unknown directive \"{}\"", directive))
        .at(place)
        .hint("directives are no-transaction, requires NUMBER, requires table NAME and allow RULE");
  }
}

void read_directives(Step& step, const std::string& content) {
  const postgres::SqlFile file = postgres::split_sql(content, step.file.string());
  const auto take = [&step](const std::vector<postgres::SqlComment>& comments) {
    for (const postgres::SqlComment& comment : comments) {
      std::string_view text = comment.text;
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      if (!text.starts_with("pgcycle:")) continue;
      text.remove_prefix(8);
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      apply_directive(step, text.substr(0, text.find_last_not_of(" \t") + 1), comment.place);
    }
  };
  for (const postgres::SqlStatement& statement : file.statements) take(statement.comments);
  take(file.trailing_comments);
}

Step read_step(const fs::path& path) {
  Step step;
  step.file = path;
  const std::string file_name = path.filename().string();
  const auto [end, error] =
      std::from_chars(file_name.data(), file_name.data() + file_name.size(), step.number);
  if (error != std::errc() || *end != '_') {
    throw Error(ErrorCode::input,
                fmt::format("{} is not a step: its name has no number", file_name))
        .at(path.string())
        .hint("name steps like 010_add_timetable.sql; move other files out of the folder");
  }
  const std::string content = read_file(path);
  step.checksum = to_hex(sha256(normalised(content)));
  if (file_name.ends_with(kRekeyEnding)) {
    step.kind = StepKind::rekey;
    step.name = file_name.substr(0, file_name.size() - kRekeyEnding.size());
  } else if (file_name.ends_with(".sql")) {
    step.kind = StepKind::sql;
    step.name = file_name.substr(0, file_name.size() - 4);
    read_directives(step, content);
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
    } else if (root.keys[i] == "transaction") {
      if (value.text == "file") continue;
      throw Error(ErrorCode::unsupported,
                  fmt::format("\"transaction\": \"{}\" is not in this version", value.text))
          .at(value.place)
          .hint("use \"file\": each file in a transaction of its own");
    } else {
      throw Error(ErrorCode::input, fmt::format("unknown key \"{}\"", root.keys[i]))
          .at(root.key_places[i])
          .hint(did_you_mean(root.keys[i], {"requires", "description", "transaction"},
                             "the keys are requires, description and transaction"));
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

Version read_version(const fs::path& directory, std::vector<int> number) {
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
      version.steps.push_back(read_step(path));
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
  return version;
}

}  // namespace

std::string_view name_of(StepKind kind) {
  switch (kind) {
    case StepKind::sql:
      return "sql";
    case StepKind::rekey:
      return "rekey";
    case StepKind::script:
      return "script";
  }
  return "unknown";
}

std::vector<Version> read_migrations(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw Error(ErrorCode::input, fmt::format("no migrations directory: {}", directory.string()))
        .hint("name it with --migrations DIR or \"migrations\": {\"dir\": …} in pgcycle.json");
  }
  std::vector<Version> versions;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_directory()) continue;
    if (auto number = version_number(entry.path().filename().string())) {
      versions.push_back(read_version(entry.path(), std::move(*number)));
    }
  }
  if (versions.empty()) {
    throw Error(ErrorCode::input, fmt::format("no versions in {}", directory.string()))
        .hint("a version is a folder named like v0.3");
  }
  std::sort(versions.begin(), versions.end(),
            [](const Version& a, const Version& b) { return a.number < b.number; });
  return versions;
}

}  // namespace pgcycle::migrate
