#include "pgcycle/migrate/new_migration.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "pgcycle/migrate/plan.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStepGap = 10;  // between numbers, so that a step fits in later

std::string file_name_of(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (letter) {
      out += c;
    } else if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else if (c == ' ') {
      out += '_';
    } else {
      throw Error(ErrorCode::usage, fmt::format("\"{}\" cannot be part of a file's name", c))
          .hint("use letters, digits, _ and -");
    }
  }
  if (out.empty()) throw Error(ErrorCode::usage, "a migration needs a name");
  return out;
}

std::string time_number() {
  return fmt::format("{:%Y%m%d%H%M%S}", fmt::gmtime(std::time(nullptr)));
}

// The next number in the manner of the last one: counted with its zeros, or a time.
std::string next_number(const std::vector<Version>& versions) {
  const Version* last = nullptr;
  for (const Version& version : versions) {
    if (!version.repeatable()) last = &version;
  }
  if (last == nullptr) return "000001";
  const std::string digits = last->name.substr(0, last->name.find_first_not_of("0123456789"));
  if (digits.size() >= 12 || digits.size() < last->name.find('_')) return time_number();
  return fmt::format("{:0{}}", last->number.front() + 1, digits.size());
}

struct NewFile {
  fs::path path;
  std::string content;
};

std::vector<NewFile> in_version_folder(const NewMigrationRequest& request,
                                       const std::string& name) {
  std::string version = request.version;
  std::int64_t number = 0;
  const std::vector<Version> versions =
      fs::exists(request.directory) && !fs::is_empty(request.directory)
          ? read_migrations(request.directory)
          : std::vector<Version>();
  if (version.empty()) version = versions.empty() ? "v1" : versions.back().name;
  for (const Version& one : versions) {
    if (one.name == version && !one.steps.empty()) number = one.steps.back().number;
  }
  number = (number / kStepGap + 1) * kStepGap;
  const fs::path stem = request.directory / version / fmt::format("{:03}_{}", number, name);
  return {{stem.string() + ".sql", "-- What changes, and why.\n"},
          {stem.string() + ".down.sql", "-- The way back.\n"},
          {stem.string() + ".verify.sql", fmt::format("-- check {}: = 1\nSELECT 1;\n", name)}};
}

std::vector<NewFile> in_flyway_folder(const NewMigrationRequest& request, const std::string& name,
                                      const std::vector<Version>& versions) {
  std::int64_t number = 0;
  for (const Version& version : versions) {
    if (!version.repeatable()) number = std::max(number, version.number.front());
  }
  return {{request.directory / fmt::format("V{}__{}.sql", number + 1, name), "\n"},
          {request.directory / fmt::format("U{}__{}.sql", number + 1, name), "\n"}};
}

std::vector<NewFile> files_for(const NewMigrationRequest& request) {
  const std::string name = file_name_of(request.name);
  const Layout layout = layout_of(request.directory);
  if (layout == Layout::versions) return in_version_folder(request, name);
  if (!request.version.empty()) {
    throw Error(ErrorCode::usage,
                fmt::format("a folder of {} has no versions to choose from", name_of(layout)))
        .hint("leave out --in");
  }
  if (layout == Layout::sqitch) {
    throw Error(ErrorCode::usage, "a change of sqitch's is added to its plan by sqitch")
        .hint(fmt::format("sqitch add {}", name));
  }
  const std::vector<Version> versions = read_migrations(request.directory);
  if (layout == Layout::flyway) return in_flyway_folder(request, name, versions);
  const fs::path stem = request.directory / fmt::format("{}_{}", next_number(versions), name);
  switch (layout) {
    case Layout::golang_migrate:
      return {{stem.string() + ".up.sql", "\n"}, {stem.string() + ".down.sql", "\n"}};
    case Layout::directories:
      return {{stem / "up.sql", "\n"}, {stem / "down.sql", "\n"}};
    case Layout::dbmate:
      return {{stem.string() + ".sql", "-- migrate:up\n\n\n-- migrate:down\n\n"}};
    case Layout::goose:
      return {{stem.string() + ".sql", "-- +goose Up\n\n\n-- +goose Down\n\n"}};
    default:
      return {{stem.string() + ".sql", "\n"}};
  }
}

}  // namespace

std::vector<fs::path> new_migration(const NewMigrationRequest& request) {
  std::vector<fs::path> out;
  for (const NewFile& file : files_for(request)) {
    if (fs::exists(file.path)) {
      throw Error(ErrorCode::input, "the file is there already").at(file.path.string());
    }
    fs::create_directories(file.path.parent_path());
    write_file_atomically(file.path, file.content);
    out.push_back(file.path);
  }
  return out;
}

}  // namespace pgcycle::migrate
