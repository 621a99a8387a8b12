#include "pgcycle/server/programs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "pgcycle/support/process.hpp"

namespace pgcycle::server {

namespace fs = std::filesystem;

namespace {

// "/usr/lib/postgresql/15/bin" and "/usr/pgsql-15/bin" tell their version.
int major_from_path(const fs::path& directory) {
  std::string name = directory.parent_path().filename().string();
  if (name.starts_with("pgsql-")) name = name.substr(6);
  int major = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), major);
  return error == std::errc() && end == name.data() + name.size() ? major : 0;
}

// Asks the program itself: "pg_restore (PostgreSQL) 15.4".
int major_from_program(const fs::path& program) {
  const ProcessResult result = run_process({{program.string(), "--version"}, {}, {}, {}});
  const std::size_t at = result.output.find(") ");
  int major = 0;
  if (at != std::string::npos) {
    std::from_chars(result.output.data() + at + 2, result.output.data() + result.output.size(),
                    major);
  }
  return major;
}

std::vector<fs::path> candidate_directories(const Environment& environment) {
  std::vector<fs::path> out;
  for (const char* root : {"/usr/lib/postgresql", "/usr"}) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(root, ignored)) {
      if (major_from_path(entry.path() / "bin") > 0) out.push_back(entry.path() / "bin");
    }
  }
  std::string path = environment("PATH").value_or("") + ":/usr/local/pgsql/bin";
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    // Debian's /usr/bin programs are wrappers that pick a version by cluster.
    const std::string directory = path.substr(start, end - start);
    if (!directory.empty() && directory != "/usr/bin" && directory != "/bin") {
      out.emplace_back(directory);
    }
    start = end + 1;
  }
  return out;
}

}  // namespace

std::vector<ProgramDirectory> find_program_directories(std::string_view program,
                                                       const Environment& environment) {
  std::vector<ProgramDirectory> out;
  std::set<fs::path> seen;
  for (const fs::path& directory : candidate_directories(environment)) {
    const fs::path file = directory / std::string(program);
    std::error_code ignored;
    if (access(file.c_str(), X_OK) != 0 || !fs::is_regular_file(file, ignored)) continue;
    if (!seen.insert(fs::canonical(file, ignored)).second) continue;
    const int known = major_from_path(directory);
    const int major = known > 0 ? known : major_from_program(file);
    if (major > 0) out.push_back({directory.string(), major});
  }
  std::stable_sort(
      out.begin(), out.end(),
      [](const ProgramDirectory& a, const ProgramDirectory& b) { return a.major > b.major; });
  return out;
}

std::optional<ProgramDirectory> find_server_programs(const Environment& environment) {
  for (ProgramDirectory& directory : find_program_directories("postgres", environment)) {
    if (access((directory.path + "/initdb").c_str(), X_OK) == 0) return std::move(directory);
  }
  return std::nullopt;
}

std::string find_client_program(std::string_view program, int minimum_major,
                                const Environment& environment) {
  const auto directories = find_program_directories(program, environment);
  for (auto found = directories.rbegin(); found != directories.rend(); ++found) {
    if (found->major >= minimum_major) return fmt::format("{}/{}", found->path, program);
  }
  if (directories.empty()) {
    throw Error(ErrorCode::config, fmt::format("{} is not installed", program))
        .hint("install PostgreSQL's client programs, such as: apt-get install postgresql-client");
  }
  throw Error(ErrorCode::config, fmt::format("{} {} is too old: version {} or newer is needed",
                                             program, directories.front().major, minimum_major))
      .hint(fmt::format("install PostgreSQL {}'s client programs", minimum_major));
}

}  // namespace pgcycle::server
