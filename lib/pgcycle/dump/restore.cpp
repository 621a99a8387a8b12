#include "pgcycle/dump/restore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <future>
#include <map>
#include <optional>
#include <set>

#include "pgcycle/dump/archive_contents.hpp"
#include "pgcycle/dump/piped_archive.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/server/client_program.hpp"
#include "pgcycle/support/file.hpp"
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
  if (says("role \"") && says("\" does not exist")) {
    return error.hint(
        "make the role on the server (CREATE ROLE … NOLOGIN); the target database is as it was");
  }
  return error.hint("the target database is as it was");
}

// Runs a program that reads the dump: by its name or, where the program is in a container,
// through its standard input; a directory is copied there.
ProcessResult run_on_dump(const DumpFile& dump, const server::ClientProgram& program,
                          const postgres::ConnectionInfo& database,
                          std::vector<std::string> arguments,
                          const std::map<std::string, std::string>& variables,
                          const OutputSink& sink = {}) {
  const bool is_sql = dump.format == DumpFormat::plain;
  if (!program.in_container()) {
    arguments.push_back((is_sql ? "--file=" : "") + dump.path.string());
    return run_process(program.command(database, arguments, variables), {}, sink);
  }
  if (dump.format == DumpFormat::directory) {
    const std::string copy = program.copy_directory(dump.path.string());
    arguments.push_back(copy);
    ProcessResult result = run_process(program.command(database, arguments, variables), {}, sink);
    program.remove_copy(copy);
    return result;
  }
  if (is_sql) arguments.push_back("--file=-");
  const FileDescriptor file = open_to_read(dump.path);
  ProcessSpec spec = program.command(database, arguments, variables);
  spec.standard_input = file.get();
  return run_process(spec, {}, sink);
}

// The archive's table of contents, as `pg_restore -l` lists it.
std::string read_contents(const DumpFile& dump, const server::ClientProgram& pg_restore) {
  const ProcessResult result = run_on_dump(dump, pg_restore, {}, {"--list"}, {});
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

// What a dump holds of the objects of its extensions, which are not in it themselves.
bool is_of_an_extension(const ArchiveEntry& entry, const std::set<int>& ids) {
  constexpr std::array<std::string_view, 3> kKinds{"TABLE DATA", "SEQUENCE SET", "ACL"};
  return std::find(kKinds.begin(), kKinds.end(), entry.description) != kKinds.end() &&
         !entry.dependencies.empty() &&
         std::none_of(entry.dependencies.begin(), entry.dependencies.end(),
                      [&ids](int id) { return ids.contains(id); });
}

// "CREATE EXTENSION IF NOT EXISTS name WITH SCHEMA cron;" → cron
std::string schema_of_extension(const ArchiveEntry& entry) {
  constexpr std::string_view kSchema = " WITH SCHEMA ";
  const std::size_t at = entry.statements.find(kSchema);
  if (at == std::string::npos) return {};
  const std::size_t start = at + kSchema.size();
  return postgres::split_name(entry.statements.substr(start, entry.statements.find(';') - start))
      .front();
}

// Ids of the entries that go with the extensions that the server lacks. Which extension a table is
// of is not in the archive: one in the schema of an extension that is there counts as its own.
std::set<int> entries_of_lacking_extensions(const ArchiveContents& contents, const DumpFile& dump,
                                            const HasExtension& has_extension) {
  std::set<int> ids;
  std::map<int, std::string> lacking;
  std::set<std::string> schemas_of_others;
  for (const ArchiveEntry& entry : contents.entries()) {
    ids.insert(entry.id);
    if (entry.description != "EXTENSION") continue;
    if (has_extension(entry.name)) {
      schemas_of_others.insert(schema_of_extension(entry));
    } else {
      lacking[entry.id] = entry.name;
    }
  }
  if (lacking.empty()) return {};
  std::set<int> out;
  std::set<std::string> needed;
  std::string needing;
  for (const ArchiveEntry& entry : contents.entries()) {
    const bool is_data =
        is_of_an_extension(entry, ids) && !schemas_of_others.contains(entry.schema);
    if (lacking.contains(entry.id) || is_data) out.insert(entry.id);
    for (const int dependency : entry.dependencies) {
      const auto extension = lacking.find(dependency);
      if (extension == lacking.end() || !out.insert(entry.id).second) continue;
      if (entry.description == "COMMENT" || entry.description == "ACL") continue;
      needed.insert(extension->second);
      needing += fmt::format("{} {} needs {}\n", entry.description, entry.name, extension->second);
    }
  }
  if (needed.empty()) return out;
  throw Error(ErrorCode::config, fmt::format("the server does not have what {} needs: {}",
                                             dump.name, fmt::join(needed, ", ")))
      .at(dump.name)
      .detail(tail_of(needing))
      .hint("install the extension's package on the server");
}

// The same by the list of a contents that cannot be read here, "3; 3079 16385 EXTENSION - pg_trgm
// ".
std::set<int> entries_of_lacking_extensions(const std::string& list,
                                            const HasExtension& has_extension) {
  constexpr std::array<std::string_view, 2> kKinds{" EXTENSION - ", " COMMENT - EXTENSION "};
  std::set<int> out;
  for (std::size_t start = 0; start < list.size();) {
    const std::size_t end = std::min(list.find('\n', start), list.size());
    const std::string line = list.substr(start, end - start);
    start = end + 1;
    for (const std::string_view kind : kKinds) {
      const std::size_t at = line.find(kind);
      if (at == std::string::npos) continue;
      const std::size_t name = at + kind.size();
      if (!has_extension(line.substr(name, line.find(' ', name) - name))) {
        out.insert(std::atoi(line.c_str()));
      }
    }
  }
  return out;
}

// The list without these entries, each of which begins with its id.
std::string without_entries(const std::string& list, const std::set<int>& ids) {
  std::string out;
  for (std::size_t start = 0; start < list.size();) {
    const std::size_t end = std::min(list.find('\n', start), list.size());
    const std::string line = list.substr(start, end - start);
    start = end + 1;
    if (!ids.contains(std::atoi(line.c_str()))) out += line + "\n";
  }
  return out;
}

// A list of what to restore, where pg_restore can read it.
class RestoreList {
 public:
  RestoreList(const std::string& list, const server::ClientProgram& pg_restore)
      : pg_restore_(pg_restore) {
    FileWriter writer(file_.descriptor(), "the list of what to restore");
    writer.write(list);
    writer.close(false);
    if (pg_restore.in_container()) copy_ = pg_restore.copy_directory(file_.path().string());
  }
  ~RestoreList() {
    if (!copy_.empty()) pg_restore_.remove_copy(copy_);
  }
  RestoreList(const RestoreList&) = delete;
  RestoreList& operator=(const RestoreList&) = delete;

  std::string option() const {
    return "--use-list=" + (copy_.empty() ? file_.path().string() : copy_);
  }

 private:
  const server::ClientProgram& pg_restore_;
  UnnamedFile file_ = UnnamedFile::in_memory();
  std::string copy_;
};

// The parts of PGOPTIONS that make a restore faster: the jobs are the parallelism, nothing
// that a restore runs is worth compiling, and the renaming in waits for the log.
constexpr const char* kRestoreSettings =
    "-c client_min_messages=warning -c max_parallel_maintenance_workers=0 "
    "-c maintenance_work_mem=128MB -c jit=off -c synchronous_commit=off";

void restore_plain(const RestoreRequest& request) {
  const server::ClientProgram psql("psql", request.server_major, server::VersionNeed::preferred,
                                   request.container, request.environment);
  const ProcessResult result =
      run_on_dump(request.dump, psql, request.database,
                  {"--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"},
                  {{"PGAPPNAME", "pgcycle-reset"}, {"PGOPTIONS", kRestoreSettings}});
  if (!result.ok()) throw restore_error(request.dump, result.errors);
}

}  // namespace

void restore(const RestoreRequest& request) {
  if (request.dump.format == DumpFormat::plain) return restore_plain(request);
  const server::ClientProgram pg_restore("pg_restore", request.server_major,
                                         server::VersionNeed::preferred, request.container,
                                         request.environment);
  std::vector<std::string> arguments{
      "--exit-on-error",
      "--dbname=" +
          postgres::ConnectionInfo().with_database(request.database.database()).conninfo()};
  std::future<std::string> contents;
  if (request.owners == OwnersAndGrants::left_out) {
    // Meanwhile; in a container, where the dump goes in through a pipe, afterwards.
    const auto when = pg_restore.in_container() ? std::launch::deferred : std::launch::async;
    contents = std::async(when, [&] { return read_contents(request.dump, pg_restore); });
  }
  for (std::string& option : options_that_leave_out(request)) {
    arguments.push_back(std::move(option));
  }
  // Standard input cannot be read by several processes.
  const bool one_reader =
      request.dump.format == DumpFormat::tar ||
      (pg_restore.in_container() && request.dump.format != DumpFormat::directory);
  if (request.jobs > 1 && !one_reader) {
    arguments.push_back(fmt::format("--jobs={}", request.jobs));
  }
  // A container does not see the pipes of this host.
  const std::unique_ptr<PipedArchive> piped =
      pg_restore.in_container() ? nullptr : PipedArchive::open(request.dump, request.environment);
  const DumpFile& source = piped ? piped->dump() : request.dump;
  std::optional<RestoreList> list;
  if (request.has_extension) {
    const auto archive = ArchiveContents::of_dump(source);
    const std::set<int> left_out =
        archive ? entries_of_lacking_extensions(*archive, request.dump, request.has_extension)
                : entries_of_lacking_extensions(read_contents(source, pg_restore),
                                                request.has_extension);
    if (!left_out.empty()) {
      list.emplace(without_entries(read_contents(source, pg_restore), left_out), pg_restore);
      arguments.push_back(list->option());
    }
  }
  const ProcessResult result =
      run_on_dump(source, pg_restore, request.database, arguments,
                  {{"PGAPPNAME", "pgcycle-reset"}, {"PGOPTIONS", kRestoreSettings}});
  if (piped) piped->finish();
  if (!result.ok()) throw restore_error(source, result.errors);
  if (contents.valid()) report_what_is_left_out(contents.get(), request.reporter);
}

void run_pg_restore(const RestoreRequest& request, std::vector<std::string> arguments,
                    const std::function<void(std::string_view)>& sink) {
  const server::ClientProgram pg_restore("pg_restore", request.server_major,
                                         server::VersionNeed::preferred, request.container,
                                         request.environment);
  const ProcessResult result =
      run_on_dump(request.dump, pg_restore, {}, std::move(arguments), {}, sink);
  if (!result.ok()) throw restore_error(request.dump, result.errors);
}

std::vector<std::string> options_that_leave_out(const RestoreRequest& request) {
  std::vector<std::string> out;
  if (request.owners == OwnersAndGrants::left_out) out.emplace_back("--no-privileges");
  if (request.owners != OwnersAndGrants::restored) out.emplace_back("--no-owner");
  if (!request.onto_its_own_server) {
    out.insert(out.end(), {"--no-tablespaces", "--no-subscriptions", "--no-security-labels"});
  }
  return out;
}

std::string_view restore_settings() { return kRestoreSettings; }

server::DatabaseContents analyze(const postgres::ConnectionInfo& database, unsigned jobs,
                                 const std::string& application_name, Reporter& reporter,
                                 Sample sample) {
  const postgres::Connection::Options options{application_name, &reporter, false};
  auto connection = postgres::Connection::open(database, options);
  // Large ones first, so that no session is left with one at the end. Parents of
  // partitions and of inheritance are analysed with what they hold in all.
  const auto tables = connection.query(
      "SELECT format('%I.%I', n.nspname, c.relname), c.oid, "
      "CASE WHEN c.relkind = 'r' AND c.reltuples > 0 THEN c.reltuples ELSE 0 END::bigint "
      "FROM pg_catalog.pg_class c "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^pg_' "
      "AND n.nspname <> 'information_schema' ORDER BY pg_relation_size(c.oid) DESC, 1");
  std::atomic<std::size_t> next{0};
  const auto work = [&](postgres::Connection& session) {
    if (sample == Sample::small) session.execute("SET default_statistics_target = 1");
    for (std::size_t i = next++; i < tables.size(); i = next++) {
      try {
        session.execute("ANALYZE " + tables.get(i, 0));
      } catch (const Error& error) {
        if (error.sqlstate() != "42P01") throw;  // dropped by whoever has the database by now
      }
    }
  };
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(jobs, tables.size()); ++i) {
    others.push_back(std::async(std::launch::async, [&] {
      auto session = postgres::Connection::open(database, options);
      work(session);
    }));
  }
  work(connection);
  for (std::future<void>& other : others) other.get();
  // Whoever built an index has counted the rows; ANALYZE may have estimated them.
  std::string counted;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (tables.integer(i, 2) == 0) continue;
    counted +=
        fmt::format("{}({}, {})", counted.empty() ? "" : ", ", tables.get(i, 1), tables.get(i, 2));
  }
  server::DatabaseContents contents = count_contents(connection);
  if (counted.empty()) return contents;
  contents.rows += static_cast<std::uint64_t>(
      connection
          .query("SELECT sum(v.counted - greatest(c.reltuples, 0)::bigint) FROM (VALUES " +
                 counted + ") v(oid, counted) JOIN pg_catalog.pg_class c ON c.oid = v.oid")
          .integer(0, 0));
  return contents;
}

server::DatabaseContents count_contents(postgres::Connection& connection) {
  const auto row = connection.query(
      "SELECT count(*) FILTER (WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition), "
      "COALESCE(sum(c.reltuples) FILTER (WHERE c.relkind = 'r' AND c.reltuples > 0), 0)::bigint "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'");
  return {static_cast<std::size_t>(row.integer(0, 0)),
          static_cast<std::uint64_t>(row.integer(0, 1))};
}

}  // namespace pgcycle::dump
