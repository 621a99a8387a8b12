#include "pgcycle/dump/piped_archive.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <set>

#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/support/inflate.hpp"

namespace pgcycle::dump {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "pgcycle-pipes-";
constexpr int kPipeBytes = 1 << 18;
constexpr int kStopCheckMilliseconds = 50;
constexpr std::uint8_t kRowsBlock = 1;  // of a custom archive; the other kind are large objects

// What a pipe's reader no longer wants.
struct ReaderIsGone {};

struct PlannedRows {
  std::size_t entry;
  fs::path file;
  std::optional<std::uint64_t> position;
  std::uint64_t bytes;
};

// The rows of a custom archive lie in it in the order of its contents.
std::optional<std::vector<PlannedRows>> plan_custom(const DumpFile& dump,
                                                    const ArchiveContents& contents) {
  if (!contents.is_gzipped()) return std::nullopt;
  std::vector<PlannedRows> rows;
  for (std::size_t i = 0; i < contents.entries().size(); ++i) {
    const ArchiveEntry& entry = contents.entries()[i];
    if (entry.lost_its_position) return std::nullopt;
    if (!entry.position) continue;
    if (entry.description != "TABLE DATA") return std::nullopt;
    if (!rows.empty()) rows.back().bytes = *entry.position - *rows.back().position;
    rows.push_back({i, dump.path, entry.position, 0});
  }
  std::error_code failure;
  const std::uint64_t end = fs::file_size(dump.path, failure);
  if (failure) return std::nullopt;
  if (!rows.empty()) rows.back().bytes = end - *rows.back().position;
  for (const PlannedRows& each : rows) {
    if (each.bytes > end) return std::nullopt;  // not in that order
  }
  return rows;
}

std::optional<std::vector<PlannedRows>> plan_directory(const DumpFile& dump,
                                                       const ArchiveContents& contents) {
  std::vector<PlannedRows> rows;
  for (std::size_t i = 0; i < contents.entries().size(); ++i) {
    const ArchiveEntry& entry = contents.entries()[i];
    if (entry.file.empty() || entry.description != "TABLE DATA") continue;
    const fs::path file = dump.path / (entry.file + ".gz");
    std::error_code failure;
    const std::uint64_t bytes = fs::file_size(file, failure);
    if (failure || fs::exists(dump.path / entry.file)) return std::nullopt;
    rows.push_back({i, file, std::nullopt, bytes});
  }
  return rows;
}

// Whoever waits for a pipe's reader has an open file already, as the system counts.
std::size_t most_tables() {
  constexpr rlim_t kOtherFiles = 100;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur <= kOtherFiles) return 0;
  return std::min<rlim_t>(PipedArchive::kMostTables, files.rlim_cur - kOtherFiles);
}

// Directories of runs that were killed: nobody holds their lock.
void remove_left_over(const fs::path& spool) {
  constexpr auto kTimeToLock = std::chrono::minutes(1);
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator(spool, ignored)) {
    if (!each.path().filename().string().starts_with(kPrefix)) continue;
    const FileDescriptor lock(
        ::open(each.path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const auto changed = fs::last_write_time(each.path(), ignored);
    if (!lock.is_open() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (fs::file_time_type::clock::now() - changed > kTimeToLock) {
      fs::remove_all(each.path(), ignored);
    }
  }
}

// Empty where none can be made.
fs::path make_directory(const Environment& environment) {
  const fs::path spool = spool_directory(environment);
  remove_left_over(spool);
  std::string pattern = (spool / fmt::format("{}XXXXXX", kPrefix)).string();
  return ::mkdtemp(pattern.data()) == nullptr ? fs::path() : fs::path(pattern);
}

FileDescriptor locked(const fs::path& directory) {
  FileDescriptor lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.is_open()) ::flock(lock.get(), LOCK_EX | LOCK_NB);
  return lock;
}

}  // namespace

std::unique_ptr<PipedArchive> PipedArchive::open(const DumpFile& dump,
                                                 const Environment& environment,
                                                 std::uint64_t least_bytes) {
  const bool is_directory = dump.format == DumpFormat::directory;
  if (dump.compression != Compression::none ||
      (!is_directory && dump.format != DumpFormat::custom)) {
    return nullptr;
  }
  auto contents = ArchiveContents::read(is_directory ? dump.path / "toc.dat" : dump.path);
  if (!contents || contents->is_custom() == is_directory) return nullptr;
  const auto planned =
      is_directory ? plan_directory(dump, *contents) : plan_custom(dump, *contents);
  if (!planned || planned->size() > most_tables()) return nullptr;
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> weights(contents->entries().size());
  for (const PlannedRows& rows : *planned) {
    bytes += rows.bytes;
    weights[rows.entry] = rows.bytes;
    ArchiveEntry& entry = contents->entries()[rows.entry];
    if (entry.file.empty()) entry.file = fmt::format("{}.dat", entry.id);
  }
  if (bytes < least_bytes) return nullptr;
  contents->number_by_weight(weights);

  const fs::path directory = make_directory(environment);
  if (directory.empty()) return nullptr;
  std::unique_ptr<PipedArchive> archive(new PipedArchive(dump, *contents, directory));
  std::error_code failure;
  std::set<fs::path> piped;
  for (const PlannedRows& rows : *planned) {
    const std::string& name = contents->entries()[rows.entry].file;
    if (::mkfifo((directory / name).c_str(), 0600) != 0) return nullptr;
    piped.insert(rows.file.filename());
    archive->rows_.push_back({name, rows.file, rows.position, {}});
  }
  fs::create_symlink(archive->contents_.path(), directory / "toc.dat", failure);
  if (is_directory && !failure) {
    // The rest, large objects, is read as it is.
    const fs::path source = fs::absolute(dump.path);
    for (const auto& each : fs::directory_iterator(source, failure)) {
      const fs::path name = each.path().filename();
      if (name == "toc.dat" || piped.contains(name) || failure) continue;
      fs::create_symlink(each.path(), directory / name, failure);
    }
  }
  if (failure) return nullptr;
  try {
    for (Rows& rows : archive->rows_) {
      rows.thread = std::thread([self = archive.get(), &rows] { self->feed(rows); });
    }
  } catch (const std::system_error&) {
    return nullptr;  // so many threads may not be had here
  }
  return archive;
}

PipedArchive::PipedArchive(const DumpFile& dump, const ArchiveContents& contents, fs::path place)
    : source_(dump),
      integer_bytes_(contents.integer_bytes()),
      directory_(std::move(place)),
      lock_(locked(directory_)),
      contents_(UnnamedFile::in_memory()),
      dump_{directory_, dump.name, DumpFormat::directory, 0, Compression::none} {
  FileWriter file(contents_.descriptor(), "the table of contents");
  file.write(contents.as_directory());
  file.close(false);
}

PipedArchive::~PipedArchive() {
  stop();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void PipedArchive::finish() {
  stop();
  if (failure_) throw *failure_;
}

// Whoever still waits for a reader gets one, and sees that it is over.
void PipedArchive::stop() {
  stopping_ = true;
  for (Rows& rows : rows_) {
    if (!rows.thread.joinable()) continue;
    const FileDescriptor reader(
        ::open((directory_ / rows.pipe).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    // Somebody has removed the pipe: nobody can be its reader any more.
    if (!reader.is_open()) pthread_cancel(rows.thread.native_handle());
    rows.thread.join();
  }
}

void PipedArchive::feed(const Rows& rows) {
  // A reader that ends early is told by the write, not by a signal.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  try {
    FileDescriptor pipe;
    for (;;) {
      pipe = FileDescriptor(::open((directory_ / rows.pipe).c_str(), O_WRONLY | O_CLOEXEC));
      if (stopping_) return;
      if (pipe.is_open()) break;
      // Interrupted, or short of files for a while: pg_restore waits for this pipe.
      std::this_thread::sleep_for(std::chrono::milliseconds(kStopCheckMilliseconds));
    }
    ::fcntl(pipe.get(), F_SETPIPE_SZ, kPipeBytes);
    ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
    inflate(rows, pipe.get());
  } catch (const ReaderIsGone&) {
    // pg_restore says why.
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_.emplace(ErrorCode::step, fmt::format("cannot restore {}", source_.name));
    failure_->at(source_.name)
        .detail(error.what())
        .hint("the dump is damaged or cut short; fetch it again");
  }
}

void PipedArchive::inflate(const Rows& rows, int pipe) {
  const auto sink = [&](std::string_view bytes) {
    if (!write(pipe, bytes)) throw ReaderIsGone();
  };
  ArchiveReader reader(rows.file, rows.position.value_or(0));
  reader.set_integer_bytes(integer_bytes_);
  constexpr std::size_t kPiece = std::size_t{64} * 1024;
  if (!rows.position) {
    Inflater inflater(Inflater::Format::gzip);
    while (!reader.at_end()) inflater.take(reader.some(kPiece), sink);
    return inflater.finish();
  }
  if (reader.byte() != kRowsBlock)
    throw Error(ErrorCode::input, "rows are not where they should be");
  reader.integer();  // the entry's id
  Inflater inflater(Inflater::Format::zlib);
  for (int left = reader.integer(); left != 0; left = reader.integer()) {
    if (left < 0) throw Error(ErrorCode::input, "a block of rows has a negative size");
    while (left > 0) {
      const std::string_view piece = reader.some(static_cast<std::size_t>(left));
      left -= static_cast<int>(piece.size());
      inflater.take(piece, sink);
    }
  }
  inflater.finish();
}

// False where nobody reads any more.
bool PipedArchive::write(int pipe, std::string_view bytes) {
  while (!bytes.empty()) {
    if (stopping_) return false;
    const ssize_t count = ::write(pipe, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd room{pipe, POLLOUT, 0};
      ::poll(&room, 1, kStopCheckMilliseconds);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace pgcycle::dump
