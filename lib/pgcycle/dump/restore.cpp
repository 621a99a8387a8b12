#include "pgcycle/dump/restore.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <set>

#include "pgcycle/server/programs.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::dump {

namespace {

constexpr std::size_t kErrorTail = 3000;

std::string tail_of(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.size() <= kErrorTail ? text : "…" + text.substr(text.size() - kErrorTail);
}

// psql and pg_restore name the file they read; the user knows it by another name.
std::string with_name_of(const DumpFile& dump, std::string words) {
  const std::string path = dump.path.string();
  for (std::size_t at = 0; path != dump.name && (at = words.find(path, at)) != std::string::npos;
       at += dump.name.size()) {
    words.replace(at, path.size(), dump.name);
  }
  return words;
}

Error restore_error(const DumpFile& dump, const std::string& words) {
  Error error(ErrorCode::step, fmt::format("cannot restore {}", dump.name));
  error.at(dump.name).detail(tail_of(with_name_of(dump, words)));
  const auto says = [&words](std::string_view part) {
    return words.find(part) != std::string::npos;
  };
  if (says("end of file") || says("unexpected end") || says("could not read from input") ||
      says("could not uncompress") || says("corrupt archive") ||
      says("did not find magic string")) {
    return error.hint("the dump is damaged or cut short; fetch it again");
  }
  if (says("unsupported version")) {
    return error.hint("the dump is newer than pg_restore; install newer client programs");
  }
  if (says("is not available") && says("extension")) {
    return error.hint("install the extension's package on the server");
  }
  return error.hint("the target database is as it was");
}

// The archive's table of contents, as `pg_restore -l` lists it.
std::string read_contents(const DumpFile& dump, const std::string& pg_restore) {
  const ProcessResult result =
      run_process({{pg_restore, "--list", dump.path.string()}, {}, {}, {}});
  if (!result.ok()) throw restore_error(dump, result.errors);
  return result.output;
}

// "215; 1259 16386 TABLE public users alice": the owner is the last word.
void report_what_is_left_out(const std::string& contents, Reporter& reporter) {
  std::set<std::string> owners;
  std::size_t grants = 0;
  for (std::size_t start = 0; start < contents.size();) {
    const std::size_t end = std::min(contents.find('\n', start), contents.size());
    const std::string_view line = std::string_view(contents).substr(start, end - start);
    start = end + 1;
    if (line.empty() || line.front() == ';') continue;
    if (line.find(" ACL ") != std::string_view::npos) ++grants;
    const std::size_t space = line.rfind(' ');
    if (space != std::string_view::npos && space + 1 < line.size()) {
      owners.insert(std::string(line.substr(space + 1)));
    }
  }
  if (grants > 0) {
    reporter.notice("{} grants and the owners of {} roles in the dump are left out", grants,
                    owners.size());
  } else {
    reporter.verbose("the owners of {} roles in the dump are left out", owners.size());
  }
}

void restore_plain(const RestoreRequest& request) {
  ProcessSpec spec;
  spec.command = {server::find_client_program("psql", request.server_major, request.environment),
                  "--no-psqlrc",
                  "--quiet",
                  "--output=/dev/null",
                  "--set=ON_ERROR_STOP=1",
                  "--file=" + request.dump.path.string()};
  spec.environment = request.database.environment();
  spec.environment["PGAPPNAME"] = "pgcycle-reset";
  spec.environment["PGOPTIONS"] = "-c client_min_messages=warning";
  spec.die_with_parent_signal = SIGTERM;
  const ProcessResult result = run_process(spec);
  if (!result.ok()) throw restore_error(request.dump, result.errors);
}

}  // namespace

void restore(const RestoreRequest& request) {
  if (request.dump.format == DumpFormat::plain) return restore_plain(request);
  const std::string pg_restore =
      server::find_client_program("pg_restore", request.server_major, request.environment);
  report_what_is_left_out(read_contents(request.dump, pg_restore), request.reporter);
  ProcessSpec spec;
  spec.command = {
      pg_restore, "--exit-on-error", "--no-owner", "--no-privileges",
      "--dbname=" +
          postgres::ConnectionInfo().with_database(request.database.database()).conninfo()};
  if (request.jobs > 1 && request.dump.format != DumpFormat::tar) {
    spec.command.push_back(fmt::format("--jobs={}", request.jobs));
  }
  spec.command.push_back(request.dump.path.string());
  spec.environment = request.database.environment();
  spec.environment["PGAPPNAME"] = "pgcycle-reset";
  spec.die_with_parent_signal = SIGTERM;
  const ProcessResult result = run_process(spec);
  if (!result.ok()) throw restore_error(request.dump, result.errors);
}

}  // namespace pgcycle::dump
