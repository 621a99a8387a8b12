// `pgcycle NAME …` runs `pgcycle-NAME …`, found beside this program.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/process.hpp"

namespace {

constexpr const char* kUsage =
    "pgcycle: the life cycle of a PostgreSQL test database\n\n"
    "  pgcycle reset     give me the database as the dump has it, now\n"
    "  pgcycle extract   write this database as anonymised JSON fixtures\n"
    "  pgcycle seed      load fixtures and golden records\n"
    "  pgcycle migrate   bring this database to a version and prove that it worked\n"
    "  pgcycle server    start a private PostgreSQL and tell its URL\n\n"
    "pgcycle NAME … runs pgcycle-NAME …; try: pgcycle reset --help\n";

const std::vector<std::string> kNames{"reset", "extract", "seed", "migrate", "server"};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-?" || name == "help") {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (name == "--version") {
    fmt::print("pgcycle {}\n", PGCYCLE_VERSION);
    return 0;
  }
  const std::filesystem::path program =
      std::filesystem::path(pgcycle::current_executable()).parent_path() /
      ("pgcycle-" + std::string(name));
  execv(program.c_str(), argv + 1);
  pgcycle::Error error(pgcycle::ErrorCode::usage, fmt::format("no such program: {}", name));
  const std::string near = pgcycle::nearest_name(name, kNames);
  error.hint(near.empty() ? "run pgcycle --help for the list"
                          : fmt::format("did you mean 'pgcycle {}'?", near));
  std::fputs(pgcycle::format_error("pgcycle", error).c_str(), stderr);
  return error.exit_status();
}
