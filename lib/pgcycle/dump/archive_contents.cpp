#include "pgcycle/dump/archive_contents.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <numeric>

#include "pgcycle/support/error.hpp"

namespace pgcycle::dump {

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;
constexpr std::string_view kMagic = "PGDMP";
constexpr int kCustomForm = 1;
constexpr int kDirectoryForm = 3;  // that of tar, whose contents are written alike
constexpr int kGzip = 1;           // of versions that name the algorithm
constexpr int kPostData = 4;
constexpr int kOldestVersion = 12;
constexpr int kNewestVersion = 16;
// Where a version stores something more.
constexpr int kNamesAccessMethod = 14;
constexpr int kNamesCompression = 15;
constexpr int kNamesKindOfRelation = 16;

enum class OffsetState : std::uint8_t { not_set = 1, set = 2, no_data = 3 };

Error not_understood() { return Error(ErrorCode::input, "not an archive of a known form"); }

}  // namespace

ArchiveReader::ArchiveReader(const std::filesystem::path& file, std::uint64_t position)
    : file_(open_to_read(file)), position_(position) {}

bool ArchiveReader::fill() {
  buffer_.resize(kBufferBytes);
  used_ = 0;
  ssize_t count = 0;
  do {
    count = ::pread(file_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(position_));
  } while (count < 0 && errno == EINTR);
  buffer_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return !buffer_.empty();
}

bool ArchiveReader::at_end() { return used_ == buffer_.size() && !fill(); }

std::string_view ArchiveReader::some(std::size_t most) {
  if (at_end()) throw Error(ErrorCode::input, "the archive ends too early");
  const std::string_view piece = std::string_view(buffer_).substr(used_, most);
  used_ += piece.size();
  position_ += piece.size();
  if (copy_ != nullptr) copy_->append(piece);
  return piece;
}

std::uint8_t ArchiveReader::byte() { return static_cast<std::uint8_t>(some(1).front()); }

std::string ArchiveReader::bytes(std::size_t count) {
  std::string out;
  while (out.size() < count) out.append(some(count - out.size()));
  return out;
}

int ArchiveReader::integer() {
  const bool negative = byte() != 0;
  std::uint64_t value = 0;
  for (int i = 0; i < integer_bytes_; ++i) value |= std::uint64_t{byte()} << (8 * i);
  if (value > INT32_MAX) throw not_understood();
  return negative ? -static_cast<int>(value) : static_cast<int>(value);
}

std::optional<std::string> ArchiveReader::text() {
  const int length = integer();
  if (length < 0) return std::nullopt;
  return bytes(static_cast<std::size_t>(length));
}

std::optional<ArchiveContents> ArchiveContents::read(const std::filesystem::path& file) {
  ArchiveContents contents;
  try {
    ArchiveReader reader(file);
    contents.read_header(reader);
    for (int left = reader.integer(); left > 0; --left) {
      contents.entries_.push_back(contents.read_entry(reader));
    }
    // What was taken for the last entry's end is where a custom archive's data begins.
    std::optional<std::uint64_t> first;
    for (const ArchiveEntry& entry : contents.entries_) {
      if (entry.position) first = std::min(first.value_or(*entry.position), *entry.position);
    }
    const bool whole = contents.is_custom_ ? first == reader.position() : reader.at_end();
    if (!whole) return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
  return contents;
}

std::optional<ArchiveContents> ArchiveContents::of_dump(const DumpFile& dump) {
  if (dump.compression != Compression::none) return std::nullopt;
  if (dump.format == DumpFormat::directory) return read(dump.path / "toc.dat");
  return dump.format == DumpFormat::custom ? read(dump.path) : std::nullopt;
}

void ArchiveContents::read_header(ArchiveReader& reader) {
  reader.copy_to(&start_);
  if (reader.bytes(kMagic.size()) != kMagic) throw not_understood();
  const int major = reader.byte();
  version_ = reader.byte();
  reader.byte();  // revision
  if (major != 1 || version_ < kOldestVersion || version_ > kNewestVersion) throw not_understood();
  integer_bytes_ = reader.byte();
  offset_bytes_ = reader.byte();
  if (integer_bytes_ < 1 || integer_bytes_ > 8 || offset_bytes_ < 1 || offset_bytes_ > 8) {
    throw not_understood();
  }
  reader.set_integer_bytes(integer_bytes_);
  reader.copy_to(nullptr);
  const int form = reader.byte();
  if (form != kCustomForm && form != kDirectoryForm) throw not_understood();
  is_custom_ = form == kCustomForm;
  is_gzipped_ = version_ >= kNamesCompression ? reader.byte() == kGzip : reader.integer() != 0;
  reader.copy_to(&header_);
  for (int part = 0; part < 7; ++part) reader.integer();  // when it was made
  for (int name = 0; name < 3; ++name) reader.text();     // of the database, and versions
  reader.copy_to(nullptr);
}

ArchiveEntry ArchiveContents::read_entry(ArchiveReader& reader) {
  ArchiveEntry entry;
  entry.id = reader.integer();
  reader.copy_to(&entry.body);
  reader.integer();  // whether it has data
  reader.text();     // the object's catalogue and OID
  reader.text();
  entry.name = reader.text().value_or("");
  entry.description = reader.text().value_or("");
  entry.is_post_data = reader.integer() == kPostData;
  entry.statements = reader.text().value_or("");
  for (int text = 0; text < 2; ++text) reader.text();  // other statements
  entry.schema = reader.text().value_or("");
  reader.text();  // tablespace
  if (version_ >= kNamesAccessMethod) reader.text();
  if (version_ >= kNamesKindOfRelation) reader.integer();
  entry.owner = reader.text().value_or("");
  reader.text();  // WITH OIDS
  reader.copy_to(nullptr);
  while (const auto dependency = reader.text()) {
    int id = 0;
    const char* const end = dependency->data() + dependency->size();
    const auto [at, failure] = std::from_chars(dependency->data(), end, id);
    if (failure != std::errc() || at != end) throw not_understood();
    entry.dependencies.push_back(id);
  }
  if (!is_custom_) {
    entry.file = reader.text().value_or("");
    return entry;
  }
  const auto state = static_cast<OffsetState>(reader.byte());
  std::uint64_t position = 0;
  for (int i = 0; i < offset_bytes_; ++i) position |= std::uint64_t{reader.byte()} << (8 * i);
  if (state == OffsetState::set) entry.position = position;
  if (state == OffsetState::not_set) entry.lost_its_position = true;
  if (state < OffsetState::not_set || state > OffsetState::no_data) throw not_understood();
  return entry;
}

void ArchiveContents::number_by_weight(const std::vector<std::uint64_t>& bytes_of_data) {
  std::vector<std::uint64_t> weights = bytes_of_data;
  std::map<int, std::uint64_t> of_table;  // by the table's id
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const ArchiveEntry& entry = entries_[i];
    if (entry.description == "TABLE DATA" && !entry.dependencies.empty()) {
      of_table[entry.dependencies.front()] = weights[i];
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].is_post_data) continue;
    for (const int dependency : entries_[i].dependencies) {
      const auto table = of_table.find(dependency);
      if (table != of_table.end()) weights[i] = std::max(weights[i], table->second);
    }
  }
  std::vector<int> ids;
  for (const ArchiveEntry& entry : entries_) ids.push_back(entry.id);
  std::sort(ids.begin(), ids.end());
  std::vector<std::size_t> order(entries_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return weights[a] != weights[b] ? weights[a] > weights[b] : entries_[a].id < entries_[b].id;
  });
  std::map<int, int> renumbered;
  for (std::size_t i = 0; i < order.size(); ++i) renumbered[entries_[order[i]].id] = ids[i];
  const auto renumber = [&renumbered](int& id) {
    const auto found = renumbered.find(id);
    if (found != renumbered.end()) id = found->second;  // others are not in the archive
  };
  for (ArchiveEntry& entry : entries_) {
    renumber(entry.id);
    std::for_each(entry.dependencies.begin(), entry.dependencies.end(), renumber);
  }
}

std::string ArchiveContents::integer(int value) const {
  std::string out(1, value < 0 ? '\1' : '\0');
  auto rest = static_cast<std::uint64_t>(value < 0 ? -static_cast<std::int64_t>(value) : value);
  for (int i = 0; i < integer_bytes_; ++i, rest >>= 8) out.push_back(static_cast<char>(rest));
  return out;
}

std::string ArchiveContents::text(std::string_view value) const {
  return integer(static_cast<int>(value.size())).append(value);
}

std::string ArchiveContents::as_directory() const {
  std::string out = start_;
  out.push_back(static_cast<char>(kDirectoryForm));
  out += version_ >= kNamesCompression ? std::string(1, '\0') : integer(0);
  out += header_;
  out += integer(static_cast<int>(entries_.size()));
  for (const ArchiveEntry& entry : entries_) {
    out += integer(entry.id);
    out += entry.body;
    for (const int dependency : entry.dependencies) out += text(std::to_string(dependency));
    out += integer(-1);
    out += text(entry.file);
  }
  return out;
}

}  // namespace pgcycle::dump
