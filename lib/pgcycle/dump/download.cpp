#include "pgcycle/dump/download.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pgcycle/dump/fetch.hpp"
#include "pgcycle/server/programs.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::dump {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const char* what, const fs::path& path) {
  throw Error(ErrorCode::step,
              fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)))
      .hint("the earlier dump is as it was");
}

// The file aside; one download at a time. It goes with the object unless it was published.
class FileAside {
 public:
  explicit FileAside(const fs::path& target)
      : path_(target.parent_path() / ("." + target.filename().string() + ".pgcycle-new")) {
    std::error_code error;
    fs::create_directories(target.parent_path(), error);
    file_ = FileDescriptor(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file_.is_open()) fail("write", path_);
    // What another download has just renamed is the dump itself now.
    if (flock(file_.get(), LOCK_EX | LOCK_NB) != 0 || !is_file_at(file_.get(), path_)) {
      throw Error(ErrorCode::step,
                  fmt::format("another download of {} is running", target.string()))
          .hint("wait for it to end");
    }
    if (ftruncate(file_.get(), 0) != 0 || fchmod(file_.get(), 0600) != 0) fail("write", path_);
  }
  ~FileAside() {
    if (!published_) unlink(path_.c_str());
  }
  FileAside(const FileAside&) = delete;
  FileAside& operator=(const FileAside&) = delete;

  const fs::path& path() const { return path_; }

  void publish(const fs::path& target) {
    if (fsync(file_.get()) != 0) fail("sync", path_);
    if (rename(path_.c_str(), target.c_str()) != 0) fail("replace", target);
    published_ = true;
    sync_directory(target.parent_path());
  }

 private:
  fs::path path_;
  FileDescriptor file_;
  bool published_ = false;
};

// prod.dump → prod.20261121T104500Z.dump, by when it was made.
fs::path earlier_name(const fs::path& file) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0) fail("read", file);
  return file.parent_path() / fmt::format("{}.{:%Y%m%dT%H%M%SZ}{}", file.stem().string(),
                                          fmt::gmtime(status.st_mtim.tv_sec),
                                          file.extension().string());
}

bool is_earlier_dump(const fs::path& candidate, const fs::path& file) {
  const std::string name = candidate.filename().string();
  const std::string start = file.stem().string() + ".";
  const std::string end = file.extension().string();
  if (!name.starts_with(start) || !name.ends_with(end)) return false;
  if (name.size() != start.size() + 16 + end.size()) return false;
  static constexpr std::string_view kShape = "00000000T000000Z";
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const char c = name[start.size() + i];
    if (kShape[i] == '0' ? c < '0' || c > '9' : c != kShape[i]) return false;
  }
  return true;
}

void remove_oldest(const fs::path& file, std::size_t keep) {
  std::vector<fs::path> earlier;
  for (const auto& entry : fs::directory_iterator(file.parent_path())) {
    if (is_earlier_dump(entry.path(), file)) earlier.push_back(entry.path());
  }
  std::sort(earlier.begin(), earlier.end(), std::greater<>());
  for (std::size_t i = keep; i < earlier.size(); ++i) fs::remove(earlier[i]);
}

// pg_restore reads every block when it writes the dump as SQL.
void verify(const fs::path& file, const DownloadRequest& request) {
  ProcessSpec spec;
  spec.command = {server::find_client_program("pg_restore", 0, request.environment),
                  "--file=/dev/null", file.string()};
  spec.die_with_parent_signal = SIGTERM;
  const ProcessResult result = run_process(spec);
  if (result.ok()) return;
  throw Error(ErrorCode::step, "the new dump cannot be read back")
      .detail(result.errors)
      .hint("check the disk; the earlier dump is as it was");
}

}  // namespace

DownloadReport download_recent(const DownloadRequest& request) {
  const postgres::ConnectionInfo production =
      server::production_target(request.config, request.application_name).info;
  if (fs::is_directory(request.file)) {
    throw Error(ErrorCode::usage, fmt::format("{} is a directory", request.file.string()))
        .hint("a download is one file in custom format; name another with --dump");
  }
  DownloadReport report;
  FileAside aside(request.file);
  const FetchReport fetched = fetch_dump({production,
                                          aside.path(),
                                          request.exclude_table_data,
                                          request.schemas,
                                          request.application_name,
                                          {},
                                          request.environment,
                                          request.reporter});
  report.tables = fetched.tables;
  report.bytes = fetched.bytes;
  verify(aside.path(), request);
  const std::size_t keep = request.config.count("dump.keep");
  if (keep > 0 && fs::exists(request.file)) {
    report.earlier = earlier_name(request.file);
    // A second name first, so that the dump's own name always stands for a whole one.
    if (link(request.file.c_str(), report.earlier.c_str()) != 0 && errno != EEXIST) {
      fail("keep the earlier dump as", report.earlier);
    }
  }
  aside.publish(request.file);
  remove_oldest(request.file, keep);
  return report;
}

}  // namespace pgcycle::dump
