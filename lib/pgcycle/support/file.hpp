// Files and directories that change as a whole, and locks on them.
//
// A kill at any instant leaves the old content or the new one: both classes
// write aside on the same file system, sync, and rename. What a killed run left
// aside carries the suffix `.pgcycle-new` and is removed by the next run that
// writes the same place.
//
// Thread rule: each object belongs to one thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace pgcycle {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

// Opens a file for reading. Throws Error{input} naming the path.
FileDescriptor open_to_read(const std::filesystem::path& path);

// The whole content. Throws Error{input} naming the path.
std::string read_file(const std::filesystem::path& path);

// Tells whether an open file is still the one of that name: a lock on a file that was
// renamed away meanwhile guards nothing.
bool is_file_at(int descriptor, const std::filesystem::path& path);

// Hands the rest of an open file or pipe to `sink`, block by block, until its end; `name`
// is what an Error{input} calls it. An interruption of the program ends it.
void read_blocks(int descriptor, std::string_view name,
                 const std::function<void(std::string_view)>& sink);

// Replaces the file as a whole with `content`, synced; concurrent writers take
// turns. Throws Error{step}.
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           mode_t mode = 0644);
// The same without waiting for the disk, for what can be computed again: after a power failure the
// file may be the old one, or empty.
// With a new file, only the `count` newest of its directory's files whose names are of that `kind`
// stay.
void write_cache_file(const std::filesystem::path& path, std::string_view content,
                      std::size_t count, const std::function<bool(std::string_view)>& kind);

// Buffered sequential writing of one file. Every failure throws Error{step}
// naming the path; `close` syncs when asked.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path, mode_t mode = 0644);
  // Writes to an open file, which stays the caller's; `path` is what errors call it.
  FileWriter(int descriptor, std::filesystem::path path);
  void write(std::string_view bytes);
  void close(bool sync);

 private:
  void flush();
  std::filesystem::path path_;
  FileDescriptor own_;
  int file_ = -1;
  std::string buffer_;
};

// A directory that is replaced as a whole. Fill `staging()`, then `publish()`
// (renameat2 with RENAME_EXCHANGE, so that the target is never absent). An
// unpublished one is removed with the object.
class AtomicDirectory {
 public:
  explicit AtomicDirectory(std::filesystem::path target);
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  const std::filesystem::path& staging() const { return staging_; }
  void publish();
  // Under another name beside it. What a killed run has left of staging is then found, and
  // removed, by the next one of the same target.
  void publish_as(const std::string& name);

 private:
  std::filesystem::path target_;
  std::filesystem::path staging_;
  FileDescriptor lock_;
};

// An exclusive flock on a file that is made when it is missing.
class FileLock {
 public:
  // Waits for the lock.
  static FileLock wait(const std::filesystem::path& path);
  // Returns an empty lock when another process holds it.
  static FileLock try_once(const std::filesystem::path& path);

  bool held() const { return file_.is_open(); }
  void release() { file_.close(); }

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

// A file without a name in `directory`: nothing of it stays behind, however the program
// ends. Child processes of the same user read it by `path()`.
class UnnamedFile {
 public:
  explicit UnnamedFile(const std::filesystem::path& directory);
  // One that no disk ever holds (memfd_create).
  static UnnamedFile in_memory();

  int descriptor() const { return file_.get(); }
  std::filesystem::path path() const;

 private:
  explicit UnnamedFile(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

// Makes a directory's entries durable.
void sync_directory(const std::filesystem::path& path);

}  // namespace pgcycle
