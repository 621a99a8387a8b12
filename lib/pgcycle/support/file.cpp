#include "pgcycle/support/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;

[[noreturn]] void fail(ErrorCode code, const fs::path& path, const char* what) {
  throw Error(code, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

FileDescriptor open_lock_file(const fs::path& path) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) fail(ErrorCode::internal, path, "open the lock file");
  return file;
}

// The directory itself, not a link to it, so that a rename replaces the former.
fs::path resolve_target(fs::path target) {
  std::error_code ignored;
  if (fs::is_symlink(target, ignored)) target = fs::canonical(target);
  fs::path absolute = fs::absolute(target).lexically_normal();
  if (absolute.filename().empty()) absolute = absolute.parent_path();
  return absolute;
}

fs::path with_suffix(const fs::path& path, const char* suffix) {
  return path.parent_path() / ("." + path.filename().string() + suffix);
}

void sync_tree(const fs::path& root) {
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_directory()) sync_directory(entry.path());
  }
  sync_directory(root);
}

// Writers of one file take turns: the lock is on the file aside, which each
// renames away, so a lock on one that is no longer there does not count.
FileDescriptor own_file_aside(const fs::path& aside, const fs::path& target, mode_t mode) {
  for (;;) {
    FileDescriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
    if (!file.is_open() || ::flock(file.get(), LOCK_EX) != 0) {
      fail(ErrorCode::step, target, "write");
    }
    if (is_file_at(file.get(), aside)) return file;
  }
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileDescriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool is_file_at(int descriptor, const fs::path& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_ino == named.st_ino;
}

FileDescriptor open_to_read(const fs::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) fail(ErrorCode::input, path, "read");
  return file;
}

std::string read_file(const fs::path& path) {
  const FileDescriptor file = open_to_read(path);
  std::string content;
  read_blocks(file.get(), path.string(),
              [&content](std::string_view block) { content.append(block); });
  return content;
}

void read_blocks(int descriptor, std::string_view name,
                 const std::function<void(std::string_view)>& sink) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);  // small files are many
  for (;;) {
    throw_if_interrupted();
    const ssize_t count = ::read(descriptor, buffer.get(), kBufferBytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::input, name, "read");
    if (count == 0) return;
    sink({buffer.get(), static_cast<std::size_t>(count)});
  }
}

namespace {

void replace_file(const fs::path& path, std::string_view content, mode_t mode, bool sync) {
  const fs::path target = resolve_target(path);
  const fs::path aside = with_suffix(target, ".pgcycle-new");
  const FileDescriptor turn = own_file_aside(aside, target, mode);
  FileWriter writer(aside, mode);
  writer.write(content);
  writer.close(sync);
  if (::rename(aside.c_str(), target.c_str()) != 0) fail(ErrorCode::step, target, "replace");
  if (sync) sync_directory(target.parent_path());
}

void keep_newest_files(const fs::path& directory, std::size_t count,
                       const std::function<bool(std::string_view)>& kind) {
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    std::error_code gone;
    const auto time = entry.last_write_time(gone);
    if (!gone && kind(entry.path().filename().native())) files.emplace_back(time, entry.path());
  }
  if (files.size() <= count) return;
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i + count < files.size(); ++i) fs::remove(files[i].second);
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view content, mode_t mode) {
  replace_file(path, content, mode, true);
}

void write_cache_file(const fs::path& path, std::string_view content, std::size_t count,
                      const std::function<bool(std::string_view)>& kind) {
  const bool is_new = !fs::exists(path);
  replace_file(path, content, 0644, false);
  if (is_new) keep_newest_files(path.parent_path(), count, kind);
}

FileWriter::FileWriter(fs::path path, mode_t mode) : path_(std::move(path)) {
  own_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!own_.is_open()) fail(ErrorCode::step, path_, "write");
  file_ = own_.get();
  buffer_.reserve(kBufferBytes);
}

FileWriter::FileWriter(int descriptor, fs::path path) : path_(std::move(path)), file_(descriptor) {
  buffer_.reserve(kBufferBytes);
}

void FileWriter::write(std::string_view bytes) {
  buffer_.append(bytes);
  if (buffer_.size() >= kBufferBytes) flush();
}

void FileWriter::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(file_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::step, path_, "write");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  buffer_.clear();
}

void FileWriter::close(bool sync) {
  flush();
  if (sync && ::fsync(file_) != 0) fail(ErrorCode::step, path_, "sync");
  own_.close();
}

AtomicDirectory::AtomicDirectory(fs::path target) : target_(resolve_target(std::move(target))) {
  fs::create_directories(target_.parent_path());
  staging_ = with_suffix(target_, ".pgcycle-new");
  // The parent directory itself is the lock, so that no lock file is left over.
  lock_ = FileDescriptor(::open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_.is_open()) fail(ErrorCode::step, target_.parent_path(), "open");
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  fs::remove_all(staging_);
  fs::create_directories(staging_);
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
}

void AtomicDirectory::publish_as(const std::string& name) {
  target_.replace_filename(name);
  publish();
}

void AtomicDirectory::publish() {
  sync_tree(staging_);
  if (!fs::exists(target_)) {
    if (::rename(staging_.c_str(), target_.c_str()) != 0) fail(ErrorCode::step, target_, "make");
  } else if (::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) !=
             0) {
    throw Error(ErrorCode::step,
                fmt::format("cannot replace {}: {}", target_.string(), std::strerror(errno)))
        .hint(
            "the file system must support renameat2 with RENAME_EXCHANGE, and the directory "
            "must not be a mount point");
  }
  sync_directory(target_.parent_path());
}

FileLock FileLock::wait(const fs::path& path) {
  for (;;) {
    FileLock lock = try_once(path);
    if (lock.held()) return lock;
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

FileLock FileLock::try_once(const fs::path& path) {
  FileDescriptor file = open_lock_file(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return FileLock(FileDescriptor());
  return FileLock(std::move(file));
}

UnnamedFile::UnnamedFile(const fs::path& directory)
    : file_(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
  if (file_.is_open()) return;
  // Not every file system can make a file without a name.
  std::string pattern = (directory / "pgcycle-XXXXXX").string();
  file_ = FileDescriptor(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!file_.is_open()) fail(ErrorCode::step, directory, "make a file in");
  ::unlink(pattern.c_str());
}

UnnamedFile UnnamedFile::in_memory() {
  FileDescriptor file(::memfd_create("pgcycle", MFD_CLOEXEC));
  if (!file.is_open()) throw Error(ErrorCode::step, "cannot keep a dump in memory");
  return UnnamedFile(std::move(file));
}

fs::path UnnamedFile::path() const {
  return fs::path("/proc") / std::to_string(::getpid()) / "fd" / std::to_string(file_.get());
}

void sync_directory(const fs::path& path) {
  const FileDescriptor directory(
      ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open()) ::fsync(directory.get());
}

}  // namespace pgcycle
