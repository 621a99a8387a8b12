#include "pgcycle/dump/fetch.hpp"

#include <fmt/format.h>

#include <optional>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/client_program.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::dump {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kErrorTail = 3000;

std::uint64_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

// pg_dump --verbose says which table it is at; all else that it says is kept for errors.
class Narration {
 public:
  Narration(const fs::path& file, Reporter& reporter) : file_(file), reporter_(reporter) {}

  void take(std::string_view piece) {
    pending_.append(piece);
    for (std::size_t end = 0; (end = pending_.find('\n')) != std::string::npos;) {
      line(pending_.substr(0, end));
      pending_.erase(0, end + 1);
    }
  }

  std::size_t tables() const { return tables_; }
  std::string words() const {
    const std::string all = words_ + pending_;
    return all.size() <= kErrorTail ? all : "…" + all.substr(all.size() - kErrorTail);
  }

 private:
  void line(const std::string& text) {
    static constexpr std::string_view kTable = "dumping contents of table \"";
    const std::size_t at = text.find(kTable);
    const bool trouble =
        text.find("error:") != std::string::npos || text.find("warning:") != std::string::npos ||
        text.find("detail:") != std::string::npos || text.find("hint:") != std::string::npos;
    if (trouble || text.find("pg_dump: ") == std::string::npos) words_ += text + "\n";
    if (at == std::string::npos) return;
    ++tables_;
    const std::string table = text.substr(at + kTable.size(), text.rfind('"') - at - kTable.size());
    reporter_.verbose("dumping {}", table);
    reporter_.progress({table, "bytes", size_of(file_), 0});
  }

  const fs::path& file_;
  Reporter& reporter_;
  std::string pending_;
  std::string words_;
  std::size_t tables_ = 0;
};

}  // namespace

FetchReport fetch_dump(const FetchRequest& request) {
  const int major =
      postgres::Connection::open(request.source, {request.application_name, nullptr, false})
          .server_version() /
      10000;
  const server::ClientProgram pg_dump("pg_dump", major, server::VersionNeed::required,
                                      request.container, request.environment);
  std::vector<std::string> arguments{"--format=custom", "--verbose", "--no-password"};
  if (!pg_dump.in_container()) arguments.push_back("--file=" + request.file.string());
  for (const std::string& pattern : request.exclude_table_data) {
    arguments.push_back("--exclude-table-data=" + pattern);
  }
  if (!request.snapshot.empty()) arguments.push_back("--snapshot=" + request.snapshot);
  for (const std::string& pattern : request.schemas) arguments.push_back("--schema=" + pattern);
  Narration narration(request.file, request.reporter);
  std::optional<FileWriter> file;
  OutputSink sink;
  if (pg_dump.in_container()) {
    file.emplace(request.file, 0600);
    sink = [&file](std::string_view piece) { file->write(piece); };
  }
  const ProcessResult result =
      run_process(pg_dump.command(request.source, arguments,
                                  {{"PGAPPNAME", request.application_name},
                                   {"PGOPTIONS", "-c default_transaction_read_only=on"}}),
                  {}, sink, [&narration](std::string_view piece) { narration.take(piece); });
  if (file) file->close(false);
  if (!result.ok()) {
    throw Error(ErrorCode::step, fmt::format("cannot dump {}", request.source.uri()))
        .detail(narration.words())
        .hint(
            "the role must be able to read all that is dumped; --schema and "
            "--exclude-table-data narrow it");
  }
  return {narration.tables(), size_of(request.file)};
}

}  // namespace pgcycle::dump
