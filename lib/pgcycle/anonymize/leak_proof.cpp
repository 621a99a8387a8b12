#include "pgcycle/anonymize/leak_proof.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "pgcycle/anonymize/detector.hpp"
#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::anonymize {

using catalog::Column;
using catalog::Schema;
using catalog::Table;

namespace {

constexpr std::size_t kSpoolBlock = 512;  // fingerprints of one column that are written at once
constexpr std::size_t kMostLeaks = 50;    // that an error lists
constexpr std::uint64_t kFewRows = 20;
constexpr double kFewValues = 4;
constexpr double kFormatPart = 0.05;
constexpr double kVocabularyPart = 0.001;
constexpr std::uint64_t kVeryFewRows = 5;
constexpr double kSmallVocabularyPart = 0.01;

// Columns whose values are written as they are and cannot hold a word of anybody: numbers that
// the database allots, and what has few values.
bool is_silent(const Schema& schema, const Table& table, const Column& column) {
  const catalog::Type& type = schema.base_type(column.type);
  if (type.kind == catalog::TypeKind::enumeration || type.category == 'B' || type.category == 'D' ||
      type.category == 'T') {
    return true;
  }
  if (type.category != 'N') return false;
  if (column.identity != catalog::Identity::none || column.default_sql.starts_with("nextval(")) {
    return true;
  }
  for (const std::string& key : table.primary_key()) {
    if (key == column.name) return true;
  }
  for (const catalog::ForeignKey* key : schema.foreign_keys_of(table.name)) {
    if (std::find(key->columns.begin(), key->columns.end(), column.name) != key->columns.end()) {
      return true;
    }
  }
  return false;
}

// Words that belong to the form of a value: of hashes, links and the like.
constexpr std::array kFormatWords{
    std::string_view("argon2i"),  std::string_view("argon2id"), std::string_view("bcrypt"),
    std::string_view("blowfish"), std::string_view("http"),     std::string_view("https"),
    std::string_view("mailto"),   std::string_view("pbkdf2"),   std::string_view("scrypt"),
    std::string_view("sha256"),   std::string_view("sha512")};

// What could be a name, a number or an address in prose: the words with a capital letter, a
// digit or an @, as they follow one another. Scripts without capitals stay whole.
std::string capitalized_words(std::string_view text) {
  std::string out;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start), text.size());
    const std::string_view word = text.substr(start, end - start);
    const std::string lower = lower_case(word);
    const bool foreign = std::any_of(word.begin(), word.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0xd2;  // past Cyrillic capitals
    });
    if (lower != word || foreign || word.find_first_of("0123456789@") != std::string_view::npos ||
        is_first_name(lower)) {
      out.append(word).append(" ");
    } else if (!out.empty() && out.back() != '\n') {
      out.push_back('\n');  // what stands on both sides is no pair
    }
    start = end + 1;
  }
  return out;
}

std::string name_of(const Table& table, const Column& column) {
  return table.name.display() + "." + postgres::display_identifier(column.name);
}

std::string_view describe(Word::Kind kind) {
  switch (kind) {
    case Word::Kind::letters:
      return "a word";
    case Word::Kind::mixed:
      return "a code";
    case Word::Kind::number:
      return "a number";
    case Word::Kind::pair:
      return "two words";
  }
  return "a word";
}

}  // namespace

// A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
// Filters", 2007): one cache line an entry, a bit in each of its eight words. Shared by threads.
class LeakProof::Filter {
 public:
  explicit Filter(double rows) {
    constexpr double kBitsARow = 128;
    constexpr double kLeastBits = 1U << 20U;
    constexpr double kMostBits = 1U << 28U;
    const double bits = std::clamp(rows * kBitsARow, kLeastBits, kMostBits);
    blocks_ = std::bit_ceil(static_cast<std::uint64_t>(bits) / 512);
    words_ = std::vector<std::atomic<std::uint64_t>>(blocks_ * 8);
  }

  void add(std::uint64_t fingerprint) {
    std::atomic<std::uint64_t>* const block = words_.data() + 8 * (fingerprint & (blocks_ - 1));
    std::uint64_t bits = mixed(fingerprint);
    for (std::size_t i = 0; i < 8; ++i, bits >>= 6U) {
      const std::uint64_t bit = std::uint64_t{1} << (bits & 63U);
      if ((block[i].load(std::memory_order_relaxed) & bit) == 0) {
        block[i].fetch_or(bit, std::memory_order_relaxed);
      }
    }
  }

  void prefetch(std::uint64_t fingerprint) const {
    __builtin_prefetch(words_.data() + 8 * (fingerprint & (blocks_ - 1)));
  }

  bool contains(std::uint64_t fingerprint) const {
    const std::atomic<std::uint64_t>* const block =
        words_.data() + 8 * (fingerprint & (blocks_ - 1));
    std::uint64_t bits = mixed(fingerprint);
    for (std::size_t i = 0; i < 8; ++i, bits >>= 6U) {
      const std::uint64_t bit = std::uint64_t{1} << (bits & 63U);
      if ((block[i].load(std::memory_order_relaxed) & bit) == 0) return false;
    }
    return true;
  }

 private:
  static std::uint64_t mixed(std::uint64_t fingerprint) {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
    const std::uint64_t product = fingerprint * kOdd;
    return product ^ (product >> 29U);
  }
  std::uint64_t blocks_ = 0;
  std::vector<std::atomic<std::uint64_t>> words_;
};

LeakProof::LeakProof(const std::filesystem::path& directory, double rows,
                     const std::vector<std::string>& nobodys_words)
    : filter_(std::make_unique<Filter>(rows)), spool_(directory) {
  constexpr std::size_t kKeyBytes = 16;
  const auto bytes = random_bytes(kKeyBytes);
  key_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const WordReader reader(key_);
  const auto leave_out = [&](std::string_view word) { silent_.add(reader.fingerprint(word)); };
  for (const std::string_view word : kFormatWords) leave_out(word);
  each_silent_word(leave_out);
  for (const std::string& word : nobodys_words) leave_out(lower_case(word));
}

LeakProof::~LeakProof() = default;

bool LeakProof::is_telling(const Word& word) const {
  if (word.kind == Word::Kind::number) return true;
  if (word.kind != Word::Kind::pair) return !silent_.contains(word.fingerprint);
  return !silent_.contains(word.first) || !silent_.contains(word.second);
}

std::size_t LeakProof::id_of(const std::string& column) {
  const auto found = std::find_if(heard_.begin(), heard_.end(),
                                  [&](const Heard& heard) { return heard.column == column; });
  if (found != heard_.end()) return static_cast<std::size_t>(found - heard_.begin());
  heard_.push_back({column});
  return heard_.size() - 1;
}

void LeakProof::forget(const Table& table) {
  const std::lock_guard lock(mutex_);
  for (const Column* column : table.stored_columns()) {
    heard_[id_of(name_of(table, *column))].column.clear();
  }
}

std::unique_ptr<LeakProof::Recorder> LeakProof::listen(const Schema& schema, const Table& table,
                                                       const AnonymizationPlan& plan,
                                                       bool locates) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Recorder> recorder(new Recorder(*this, locates));
  for (const Column* column : table.stored_columns()) {
    const ColumnPlan& rule = plan.column(table.name, column->name);
    Recorder::Column listener;
    listener.id = id_of(name_of(table, *column));
    const bool masked = rule.column_class == ColumnClass::masked;
    listener.listens = masked || !is_silent(schema, table, *column);
    const char category = schema.base_type(column->type).category;
    listener.compares = category != 'D' && category != 'T' && rule.rule != "noise" &&
                        rule.rule != "scale" && rule.rule != "date_shift";
    listener.recent.resize(Recorder::Column::kRecent);
    listener.prose = rule.rule == "scrub";
    listener.searched = listener.listens && category != 'N';
    listener.holds = rule.holds;
    recorder->columns_.push_back(std::move(listener));
  }
  return recorder;
}

std::unique_ptr<LeakProof::Recorder> LeakProof::record(const Schema& schema, const Table& table,
                                                       const AnonymizationPlan& plan) {
  return listen(schema, table, plan, false);
}

std::unique_ptr<LeakProof::Recorder> LeakProof::locate(const Schema& schema, const Table& table,
                                                       const AnonymizationPlan& plan) {
  return listen(schema, table, plan, true);
}

LeakProof::Recorder::Recorder(LeakProof& proof, bool locates)
    : proof_(proof), reader_(proof.key_), locates_(locates) {}

LeakProof::Recorder::~Recorder() {
  const auto finish = [this] {
    for (Column& column : columns_) {
      flush(column);
      const std::lock_guard lock(proof_.mutex_);
      Heard& heard = proof_.heard_[column.id];
      if (locates_) heard.rows += rows_;
      heard.values += column.values;
      heard.compared += column.compared;
    }
  };
  try {
    finish();
  } catch (const std::exception&) {
    proof_.failed_ = true;  // `has_suspects` throws
  }
}

void LeakProof::Recorder::flush(Column& column) {
  if (column.originals.empty()) return;
  std::vector<std::uint64_t> block{column.id, column.originals.size()};
  block.insert(block.end(), column.originals.begin(), column.originals.end());
  const std::lock_guard lock(proof_.mutex_);
  const char* at = reinterpret_cast<const char*>(block.data());
  std::size_t left = block.size() * sizeof(block[0]);
  while (left > 0) {
    const ssize_t written = write(proof_.spool_.descriptor(), at, left);
    if (written < 0) {
      throw Error(ErrorCode::step, "cannot write the file of the leak proof")
          .hint("free some space beside the fixtures");
    }
    at += written;
    left -= static_cast<std::size_t>(written);
  }
  proof_.heard_[column.id].originals += column.originals.size();
  column.originals.clear();
}

// True when the column had just that text a moment ago.
bool LeakProof::Recorder::is_repeated(std::string_view text) {
  Column& column = *column_;
  if (column.recent.empty()) return false;
  const std::size_t hash = std::hash<std::string_view>()(text) | 1U;
  std::size_t& place = column.recent[(hash >> 7U) % Column::kRecent];
  const bool is_recent = std::exchange(place, hash) == hash;
  if (is_recent) ++column.repeated;
  if (++column.asked == Column::kProbation &&
      column.repeated * Column::kFewest < Column::kProbation) {
    column.recent.clear();
  }
  return is_recent;
}

void LeakProof::Recorder::replaced(std::string_view original) {
  if (locates_ || !column_->compares || is_repeated(original)) return;
  ++column_->values;
  // The host of an address says little of its owner, and much that others say too.
  if (original.find(' ') == std::string_view::npos)
    original = original.substr(0, original.rfind('@'));
  const std::string names = column_->prose ? capitalized_words(original) : std::string();
  // Once a value, however often it says the word: the rules count values.
  said_.clear();
  for (const Word& word : reader_.read(column_->prose ? names : original)) {
    if (proof_.is_telling(word)) said_.push_back(word.fingerprint);
  }
  if (said_.size() > 1) {
    std::sort(said_.begin(), said_.end());
    said_.erase(std::unique(said_.begin(), said_.end()), said_.end());
  }
  for (const std::uint64_t fingerprint : said_) {
    column_->originals.push_back(fingerprint);
    if (column_->originals.size() == kSpoolBlock) flush(*column_);
  }
}

void LeakProof::Recorder::kept(std::string_view text) {
  if (text.size() < kLeastLetters || (!locates_ && is_repeated(text))) return;
  if (column_->searched && holds_certain(text, column_->holds)) {
    if (locates_) {
      search(text);
    } else {
      proof_.must_locate_ = true;
    }
  }
  for (const Word& word : reader_.read(text)) {
    if (locates_) {
      if (proof_.suspects_.contains(word.fingerprint)) found(word);
    } else {
      proof_.filter_->add(word.fingerprint);
      ++column_->compared;
    }
  }
}

void LeakProof::Recorder::search(std::string_view text) {
  for (const Detection& detection : detect_in_text(text)) {
    if (!is_certain(detection.kind) ||
        column_->holds.contains(std::string(name_of(detection.kind)))) {
      continue;
    }
    const std::lock_guard lock(proof_.mutex_);
    if (proof_.found_.size() < kMostLeaks) {
      proof_.found_.push_back(
          {proof_.heard_[column_->id].column, row_,
           fmt::format("{}, and the rule is \"keep\"", describe(detection.kind))});
    }
  }
}

void LeakProof::Recorder::found(const Word& word) {
  // Once a row, as the rules count.
  if (!found_in_row_.emplace(column_->id, word.fingerprint).second) return;
  const std::lock_guard lock(proof_.mutex_);
  Sighting& sighting = proof_.sightings_[{column_->id, word.fingerprint}];
  if (sighting.rows++ == 0) {
    sighting.first_row = row_;
    sighting.kind = word.kind;
  }
}

bool LeakProof::has_suspects() {
  if (failed_) throw Error(ErrorCode::step, "the file of the leak proof could not be written");
  if (lseek(spool_.descriptor(), 0, SEEK_SET) != 0) {
    throw Error(ErrorCode::step, "the file of the leak proof could not be read");
  }
  // Block by block: the column, how many, the fingerprints.
  std::string rest;
  read_blocks(spool_.descriptor(), "the file of the leak proof", [&](std::string_view bytes) {
    rest += bytes;
    std::size_t at = 0;
    const auto word = [&rest](std::size_t place) {
      std::uint64_t out = 0;
      std::memcpy(&out, rest.data() + place, sizeof out);
      return out;
    };
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    while (at + 2 * kWord <= rest.size()) {
      const std::uint64_t column = word(at);
      const std::uint64_t count = word(at + kWord);
      if (at + (2 + count) * kWord > rest.size()) break;
      const std::size_t first = at + 2 * kWord;
      at = first + count * kWord;
      if (heard_[column].column.empty()) continue;
      for (std::size_t i = 0; i < count; ++i) filter_->prefetch(word(first + i * kWord));
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t fingerprint = word(first + i * kWord);
        if (filter_->contains(fingerprint)) ++suspects_[fingerprint][column];
      }
    }
    rest.erase(0, at);
  });
  for (auto suspect = suspects_.begin(); suspect != suspects_.end();) {
    std::erase_if(suspect->second, [this](const auto& origin) {
      const auto values = static_cast<double>(heard_[origin.first].values);
      const auto count = static_cast<double>(origin.second);
      return (origin.second >= kFewRows && count >= kFormatPart * values) ||
             (values >= kFewValues && 2 * count >= values);
    });
    if (suspect->second.empty()) {
      ++too_common_;
      suspect = suspects_.erase(suspect);
    } else {
      ++suspect;
    }
  }
  return !suspects_.empty() || must_locate_;
}

LeakReport LeakProof::report() const {
  LeakReport report{true, 0, 0, too_common_, found_};
  for (const Heard& heard : heard_) {
    if (heard.column.empty()) continue;
    report.originals += heard.originals;
    report.compared += heard.compared;
  }
  for (const auto& [place, sighting] : sightings_) {
    const auto& [column, fingerprint] = place;
    const auto rows = static_cast<double>(heard_[column].rows);
    const auto seen = static_cast<double>(sighting.rows);
    if ((sighting.rows >= kFewRows && seen >= kVocabularyPart * rows) ||
        (sighting.rows >= kVeryFewRows && seen >= kSmallVocabularyPart * rows)) {
      ++report.too_common;
      continue;
    }
    report.leaks.push_back({heard_[column].column, sighting.first_row,
                            fmt::format("{} of {}", describe(sighting.kind),
                                        heard_[suspects_.at(fingerprint).begin()->first].column)});
  }
  return report;
}

void raise_leaks(const LeakReport& report) {
  if (report.leaks.empty()) return;
  std::string list;
  for (std::size_t i = 0; i < std::min(report.leaks.size(), kMostLeaks); ++i) {
    const Leak& leak = report.leaks[i];
    list += fmt::format("{}{}, {}: {}", i == 0 ? "" : "\n", leak.column, leak.row, leak.what);
  }
  if (report.leaks.size() > kMostLeaks) {
    list += fmt::format("\nand {} more", report.leaks.size() - kMostLeaks);
  }
  throw Error(ErrorCode::check,
              fmt::format("{} value{} to be masked would be published", report.leaks.size(),
                          report.leaks.size() == 1 ? "" : "s"))
      .detail(list)
      .hint(
          "nothing was written. Mask those columns too; where a word is no person's, say so with "
          "anonymize.words, or {\"generator\": \"keep\", \"holds\": \"…\"}");
}

}  // namespace pgcycle::anonymize
