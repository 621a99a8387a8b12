#include "pgcycle/migrate/layouts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "pgcycle/migrate/sqitch_plan.hpp"
#include "pgcycle/migrate/step_file.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPrismaFile = "migration.sql";

bool holds_sql(const fs::path& directory) {
  const fs::recursive_directory_iterator all(directory);
  return std::any_of(begin(all), end(all),
                     [](const auto& entry) { return entry.path().extension() == ".sql"; });
}

// What tools and people keep beside migrations, such as atlas.sum and drizzle's meta/.
bool is_passed_over(const fs::directory_entry& entry) {
  constexpr std::array<std::string_view, 9> kEndings{".md",   ".toml", ".conf", ".txt", ".sum",
                                                     ".json", ".lock", ".yml",  ".yaml"};
  const std::string name = entry.path().filename().string();
  if (name.starts_with('.') || name.ends_with('~')) return true;
  if (entry.is_directory()) return !leading_number(name) && !holds_sql(entry.path());
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&name](std::string_view ending) { return name.ends_with(ending); });
}

std::vector<fs::directory_entry> entries_of(const fs::path& directory) {
  std::vector<fs::directory_entry> out;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!is_passed_over(entry)) out.push_back(entry);
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.path().native() < b.path().native(); });
  return out;
}

bool is_flyway_name(const std::string& name) {
  if (!name.ends_with(".sql") || name.find("__") == std::string::npos) return false;
  if (name.starts_with("R__")) return true;
  return (name[0] == 'V' || name[0] == 'U') && name.size() > 1 && name[1] >= '0' && name[1] <= '9';
}

std::optional<Layout> layout_of_entry(const fs::directory_entry& entry) {
  const fs::path& path = entry.path();
  const std::string name = path.filename().string();
  if (entry.is_directory()) {
    if (leading_number(name) && (fs::exists(path / "up.sql") || fs::exists(path / kPrismaFile))) {
      return Layout::directories;
    }
    return std::nullopt;
  }
  if (is_flyway_name(name)) return Layout::flyway;
  if (!name.ends_with(".sql") || !leading_number(name)) return std::nullopt;
  if (name.ends_with(".up.sql") || name.ends_with(".down.sql")) return Layout::golang_migrate;
  return sections_of(read_file(path));
}

[[noreturn]] void not_a_migration(const fs::path& path, Layout layout) {
  throw Error(ErrorCode::input,
              fmt::format("{} is no migration of {}", path.filename().string(), name_of(layout)))
      .at(path.string())
      .hint("rename it, or move it out of the folder");
}

std::int64_t number_of(const fs::path& path, Layout layout) {
  const auto number = leading_number(path.filename().string());
  if (!number) not_a_migration(path, layout);
  return *number;
}

// NUMBER_NAME.up.sql with NUMBER_NAME.down.sql
std::vector<Version> read_pairs(const fs::path& directory) {
  std::map<std::string, Version> versions;
  std::vector<fs::path> ways_back;
  for (const fs::path& path : entries_of(directory)) {
    const std::string name = path.filename().string();
    const std::int64_t number = number_of(path, Layout::golang_migrate);
    if (name.ends_with(".down.sql")) {
      ways_back.push_back(path);
    } else if (name.ends_with(".up.sql")) {
      const std::string stem = name.substr(0, name.size() - 7);
      Version version = one_step_version(directory, stem, number);
      version.steps[0].file = path;
      versions.emplace(stem, std::move(version));
    } else {
      not_a_migration(path, Layout::golang_migrate);
    }
  }
  for (const fs::path& path : ways_back) {
    const std::string name = path.filename().string();
    const auto found = versions.find(name.substr(0, name.size() - 9));
    if (found == versions.end()) {
      throw Error(ErrorCode::input, fmt::format("{} belongs to no migration", name))
          .at(path.string())
          .hint("its .up.sql must stand beside it");
    }
    found->second.steps[0].down = path;
  }
  std::vector<Version> out;
  for (auto& [name, version] : versions) out.push_back(std::move(version));
  return out;
}

// NUMBER_NAME/up.sql with down.sql, or Prisma's NUMBER_NAME/migration.sql
std::vector<Version> read_directories(const fs::path& directory) {
  std::vector<Version> out;
  for (const fs::directory_entry& entry : entries_of(directory)) {
    const fs::path& path = entry.path();
    if (!entry.is_directory()) not_a_migration(path, Layout::directories);
    std::string name = path.filename().string();
    const std::string digits = name.substr(0, name.find_first_not_of("0123456789-"));
    std::string plain = digits;  // diesel writes 2023-01-31-120000_name
    plain.erase(std::remove(plain.begin(), plain.end(), '-'), plain.end());
    const auto number = leading_number(plain);
    const fs::path file = path / (fs::exists(path / kPrismaFile) ? kPrismaFile : "up.sql");
    if (!number || !fs::exists(file)) not_a_migration(path, Layout::directories);
    Version version = one_step_version(path, std::move(name), *number);
    version.steps[0].file = file;
    if (fs::exists(path / "down.sql")) version.steps[0].down = path / "down.sql";
    out.push_back(std::move(version));
  }
  return out;
}

// V1.2__NAME.sql with U1.2__NAME.sql, and R__NAME.sql
std::vector<Version> read_flyway(const fs::path& directory) {
  std::vector<Version> out;
  std::map<std::vector<std::int64_t>, fs::path> ways_back;
  for (const fs::path& path : entries_of(directory)) {
    const std::string name = path.filename().string();
    if (!is_flyway_name(name)) not_a_migration(path, Layout::flyway);
    const std::string stem = path.stem().string();
    if (name[0] == 'R') {
      Version version = one_step_version(directory, stem, 0);
      version.steps[0].file = path;
      version.steps[0].repeatable = true;
      out.push_back(std::move(version));
      continue;
    }
    auto number = flyway_number(stem.substr(1, stem.find("__") - 1));
    if (!number) not_a_migration(path, Layout::flyway);
    if (name[0] == 'U') {
      ways_back[*number] = path;
      continue;
    }
    Version version = one_step_version(directory, stem, number->front());
    version.number = std::move(*number);
    version.steps[0].file = path;
    out.push_back(std::move(version));
  }
  for (Version& version : out) {
    if (version.repeatable()) continue;
    const auto found = ways_back.find(version.number);
    if (found == ways_back.end()) continue;
    version.steps[0].down = found->second;
    ways_back.erase(found);
  }
  if (!ways_back.empty()) {
    throw Error(ErrorCode::input, "an undo file belongs to no migration")
        .at(ways_back.begin()->second.string())
        .hint("its V file must stand beside it");
  }
  return out;
}

// NUMBER_NAME.sql, whose sections are those of dbmate or goose if any
std::vector<Version> read_files(const fs::path& directory, Layout layout) {
  std::vector<Version> out;
  for (const fs::path& path : entries_of(directory)) {
    const std::int64_t number = number_of(path, layout);
    if (path.extension() != ".sql") not_a_migration(path, layout);
    Version version = one_step_version(directory, path.stem().string(), number);
    version.steps[0].file = path;
    version.steps[0].sections = layout;
    out.push_back(std::move(version));
  }
  return out;
}

}  // namespace

std::optional<Layout> foreign_layout_of(const fs::path& directory) {
  if (fs::exists(directory / kSqitchPlan)) return Layout::sqitch;
  std::optional<Layout> found;
  fs::path first;
  for (const fs::directory_entry& entry : entries_of(directory)) {
    const std::optional<Layout> layout = layout_of_entry(entry);
    if (!layout) continue;
    if (found && *found != *layout) {
      throw Error(ErrorCode::input, fmt::format("{} mixes {} and {}", directory.string(),
                                                name_of(*found), name_of(*layout)))
          .at(entry.path().string())
          .detail(fmt::format("{} is of {}", first.filename().string(), name_of(*found)))
          .hint("keep one form in a folder");
    }
    if (!found) first = entry.path();
    found = layout;
  }
  return found;
}

std::vector<Version> read_foreign_migrations(const fs::path& directory, Layout layout) {
  std::vector<Version> versions;
  switch (layout) {
    case Layout::golang_migrate:
      versions = read_pairs(directory);
      break;
    case Layout::directories:
      versions = read_directories(directory);
      break;
    case Layout::flyway:
      versions = read_flyway(directory);
      break;
    case Layout::sqitch:
      versions = read_sqitch_plan(directory);
      break;
    default:
      versions = read_files(directory, layout);
      break;
  }
  for (Version& version : versions) read_sql_step(version.steps[0]);
  return versions;
}

}  // namespace pgcycle::migrate
