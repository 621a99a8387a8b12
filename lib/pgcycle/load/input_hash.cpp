#include "pgcycle/load/input_hash.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>

#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::load {

namespace fs = std::filesystem;
using catalog::QualifiedName;

namespace {

constexpr int kFormat = 5;
constexpr std::size_t kMostFiles = 10;
constexpr std::int64_t kSecond = 1'000'000'000;  // nanoseconds

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

// Whether whatever is written to the file from now on has a later time.
bool has_settled(std::int64_t content_changed, std::int64_t changed) {
  // Some file systems know only seconds, or two of them.
  const bool is_coarse = content_changed % kSecond == 0 && changed % kSecond == 0;
  timespec now{};
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return false;
  return nanoseconds(now) - changed > (is_coarse ? 5 * kSecond / 2 : kSecond / 20);
}

std::string hash_of_file(const fs::path& file) {
  const FileDescriptor open = open_to_read(file);
  Sha256 hash;
  read_blocks(open.get(), file.string(), [&hash](std::string_view block) { hash.update(block); });
  return to_hex(hash.finish());
}

std::string hash_of_rows(const fixture::MergedTable& table) {
  std::string text;
  for (const fixture::Row& row : table.rows) {
    for (const auto& value : row.values) {
      text += value ? fmt::format("{}:", value->size()) + *value : "-";
    }
    text.push_back('\n');
  }
  for (const fixture::PendingValue& pending : table.pending) {
    text += fmt::format("{}.{}={}\n", pending.row, pending.column, pending.expression);
  }
  return to_hex(sha256(text));
}

fs::path file_of(const SeedInput& input, const fs::path& directory) {
  const std::string places = fs::absolute(input.fixtures_directory).native() + "\n" +
                             fs::absolute(input.golden_directory).native();
  return directory /
         fmt::format("{}{}.json", kInputFilePrefix, to_hex(sha256(places)).substr(0, 32));
}

}  // namespace

InputHash InputHasher::operator()(const SeedInput& input) {
  InputHash out;
  anew_.clear();
  out.all =
      fmt::format("{} scenario={} adapt={}\nfixtures\n", kFormat, input.scenario, input.adapt);
  add_directory(input.fixtures_directory, out);
  out.all += "golden\n";
  add_directory(input.golden_directory, out);
  out.all = to_hex(sha256(out.all));
  last_ = out.files;
  return out;
}

void InputHasher::add_directory(const fs::path& directory, InputHash& hash) {
  if (!fs::is_directory(directory)) return;
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path().native());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const std::string& hashed = hash.files[file] = hash_of(file);
    hash.all += fmt::format("{}={}\n", file.substr(directory.native().size()), hashed);
  }
}

const std::string& InputHasher::hash_of(const std::string& file) {
  struct stat status {};
  Stamp stamp{};
  if (::stat(file.c_str(), &status) == 0) {
    stamp = {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
             status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
  }
  Known& known = known_[file];
  if (known.hash.empty() || known.stamp != stamp) {
    // Seen before the file is read: of one that is written meanwhile, or at once, the stamp tells
    // nothing.
    const bool settled = has_settled(stamp[3], stamp[4]);
    known.hash = hash_of_file(file);
    anew_.insert(file);
    known.stamp = settled ? stamp : Stamp{};
    is_new_ = is_new_ || settled;
  }
  return known.hash;
}

void InputHasher::recall(const SeedInput& input, const fs::path& directory) {
  using simdjson::dom::element;
  const fs::path kept = file_of(input, directory);
  std::error_code unreadable;
  if (!fs::exists(kept, unreadable)) return;
  std::map<std::string, Known> known;
  try {
    simdjson::dom::parser parser;
    const element stored = parser.parse(read_file(kept));
    if (std::int64_t(stored["format"]) != kFormat) return;
    for (const element file : stored["files"].get_array()) {
      Known& entry = known[std::string(std::string_view(file["path"]))];
      entry.hash = std::string_view(file["hash"]);
      std::size_t i = 0;
      for (const element number : file["stamp"].get_array()) {
        if (i < entry.stamp.size()) entry.stamp[i++] = std::int64_t(number);
      }
    }
  } catch (const simdjson::simdjson_error&) {
    return;  // cut short: all is read
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    return;
  }
  known_ = std::move(known);
}

void InputHasher::keep(const SeedInput& input, const fs::path& directory) {
  if (!is_new_ || !fs::is_directory(directory)) return;
  std::string text = fmt::format("{{\"format\":{},\"files\":[", kFormat);
  bool first = true;
  for (const auto& [path, hash] : last_) {
    const Known& known = known_.at(path);
    if (known.stamp == Stamp{}) continue;
    text += first ? "\n{\"path\":" : ",\n{\"path\":";
    first = false;
    append_json_string(text, path);
    text += fmt::format(",\"stamp\":[{}],\"hash\":\"{}\"}}", fmt::join(known.stamp, ","), hash);
  }
  write_cache_file(file_of(input, directory), text + "\n]}\n", kMostFiles,
                   [](std::string_view name) { return name.starts_with(kInputFilePrefix); });
  is_new_ = false;
}

SourceHashes hashes_of_merged(const SeedPlan& plan) {
  SourceHashes out;
  for (const auto& [name, table] : plan.merged.tables) out[name] = hash_of_rows(table);
  return out;
}

void add_hashes_of_files(SourceHashes& hashes, const SeedPlan& plan, const SeedInput& input,
                         const InputHash& input_hash) {
  for (const RowSource& source : plan.sources) {
    const QualifiedName& name = source.table().name;
    if (plan.merged.tables.contains(name)) continue;
    const auto file =
        input_hash.files.find(plan.file_of(source.table(), input.fixtures_directory).native());
    hashes[name] = file == input_hash.files.end() ? std::string() : file->second;
  }
}

}  // namespace pgcycle::load
