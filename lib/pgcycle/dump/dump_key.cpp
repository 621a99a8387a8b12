#include "pgcycle/dump/dump_key.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::dump {

namespace fs = std::filesystem;

namespace {

// Raise it when restoring changes what comes out of the same dump.
constexpr int kRestoreVersion = 3;
constexpr std::size_t kRemembered = 50;

std::vector<fs::path> files_of(const DumpFile& dump) {
  if (dump.format != DumpFormat::directory) return {dump.path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(dump.path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void hash_file(Sha256& hash, const fs::path& path) {
  const FileDescriptor file = open_to_read(path);
  read_blocks(file.get(), path.string(), [&hash](std::string_view block) { hash.update(block); });
}

// Path, size and time of change of every file; no other file has the same.
std::string identity_of(const std::vector<fs::path>& files) {
  Sha256 hash;
  for (const fs::path& path : files) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) continue;
    hash.update(fmt::format("{}\n{} {} {} {} {}\n", path.string(), status.st_dev, status.st_ino,
                            status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  return to_hex(hash.finish());
}

// Lines "IDENTITY HASH", the latest last.
std::vector<std::string> read_memory(const fs::path& memory) {
  std::vector<std::string> lines;
  if (memory.empty() || !fs::exists(memory)) return lines;
  const std::string text = read_file(memory);
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::string_view words_for(OwnersAndGrants owners) {
  if (owners == OwnersAndGrants::left_out) return "";
  return owners == OwnersAndGrants::restored ? "with owners" : "with grants";
}

}  // namespace

std::string content_hash(const DumpFile& dump, const fs::path& memory) {
  const std::vector<fs::path> files = files_of(dump);
  const std::string identity = identity_of(files);
  std::vector<std::string> lines = read_memory(memory);
  for (const std::string& line : lines) {
    if (line.starts_with(identity + " ")) return line.substr(identity.size() + 1);
  }
  Sha256 hash;
  for (const fs::path& path : files) {
    if (dump.format == DumpFormat::directory) {
      hash.update(path.lexically_relative(dump.path).string() + "\n");
    }
    hash_file(hash, path);
  }
  const std::string content = to_hex(hash.finish());
  // A file that is still being written must not be remembered by what it was before.
  if (!memory.empty() && identity_of(files) == identity) {
    lines.push_back(identity + " " + content);
    if (lines.size() > kRemembered) lines.erase(lines.begin());
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    write_file_atomically(memory, text);
  }
  return content;
}

std::string cache_key(const std::string& content_hash, int server_version, OwnersAndGrants owners) {
  return to_hex(sha256(fmt::format("restore {} {} server {} dump {}", kRestoreVersion,
                                   words_for(owners), server_version, content_hash)))
      .substr(0, 32);
}

}  // namespace pgcycle::dump
