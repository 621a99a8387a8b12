// Proof that nothing that was to be masked is written anywhere.
//
// While rows are written, the words of every masked original and of everything that is
// written as it is are kept as keyed fingerprints: the originals in a file without a name, what
// is written in a filter of fixed size. The key is drawn for the run and kept nowhere. At the
// end both are held against each other: an original that the filter knows is a suspect. The
// rows are then masked once more to find where it stands; what the rules below say is too
// common to be personal is left out and counted.
//
//  - words shorter than 4 letters, codes shorter than 6, numbers shorter than 7 digits; a pair
//    of words counts from 2 letters each
//  - everyday words, names of countries, and words that pseudonyms are made of
//  - a word that 5 % of a masked column's different values have in common (and at least 20), or
//    half of them (of 4 or more), or that names a hash or a protocol: the form of the values
//  - a word that 20 rows and 0.1 %, or 5 rows and 1 %, of a column that is kept have in common:
//    its vocabulary
//  - of free text under "scrub", words without a capital letter or a digit
//  - dates, and numbers under "noise" or "scale": too few to tell one person's
//
// What a generator draws is left out: a permutation gives one person's number to another.
//
// A text column with the rule "keep" is also searched for e-mail addresses, IBANs and card
// numbers, which are never a matter of chance; {"generator": "keep", "holds": "email"} allows
// them.
//
// Thread rule: a recorder belongs to one thread, the proof to all; `suspects` and
// `find_leaks` come after them. Errors: Error{step} when the file cannot be written.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pgcycle/anonymize/plan.hpp"
#include "pgcycle/anonymize/word_reader.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::anonymize {

// A place where an original was about to be published.
struct Leak {
  std::string column;  // schema.table.column
  std::string row;     // its key where that cannot hold the value, or its number
  std::string what;    // "a word of public.users.full_name", "an e-mail address"
};

// Fingerprints in a table with open addressing.
class FingerprintSet {
 public:
  void add(std::uint64_t fingerprint) {
    if (contains(fingerprint)) return;
    if (2 * ++count_ > slots_.size()) grow();
    place(fingerprint) = fingerprint;
  }
  bool contains(std::uint64_t fingerprint) const {
    for (std::size_t i = fingerprint & (slots_.size() - 1); slots_[i] != 0;
         i = (i + 1) & (slots_.size() - 1)) {
      if (slots_[i] == fingerprint) return true;
    }
    return false;
  }

 private:
  std::uint64_t& place(std::uint64_t fingerprint) {
    std::size_t i = fingerprint & (slots_.size() - 1);
    while (slots_[i] != 0) i = (i + 1) & (slots_.size() - 1);
    return slots_[i];
  }
  void grow() {
    std::vector<std::uint64_t> old(2 * slots_.size());
    old.swap(slots_);
    for (const std::uint64_t fingerprint : old) {
      if (fingerprint != 0) place(fingerprint) = fingerprint;
    }
  }
  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1024);
  std::size_t count_ = 0;
};

struct LeakReport {
  bool proven = false;           // false: the proof was switched off
  std::uint64_t originals = 0;   // words of masked values
  std::uint64_t compared = 0;    // words of what was written as it is
  std::uint64_t too_common = 0;  // distinct words that the rules leave out
  std::vector<Leak> leaks;
};

class LeakProof {
 public:
  // `directory` takes the file; `rows` is about how many there will be; `nobodys_words` are
  // known to say nothing of anybody.
  LeakProof(const std::filesystem::path& directory, double rows,
            const std::vector<std::string>& nobodys_words);
  ~LeakProof();

  // Listens to one table, or a part of it, column by column.
  class Recorder final : public MaskObserver {
   public:
    ~Recorder() override;
    // The values of that column come next; `number` counts the stored columns.
    void begin_column(std::size_t number) { column_ = &columns_[number]; }
    // Where `row` stands, for leaks. Called before its columns while leaks are looked for.
    void begin_row(std::string row) {
      row_ = std::move(row);
      found_in_row_.clear();
    }
    void end_row() { ++rows_; }
    bool locates() const { return locates_; }
    void replaced(std::string_view original) override;
    void kept(std::string_view text) override;
    // False where nothing of that column needs to be heard.
    bool listens(std::size_t number) const { return columns_[number].listens; }

   private:
    friend class LeakProof;
    struct Column {
      static constexpr std::size_t kRecent = 1024;       // texts that are not read twice
      static constexpr std::uint32_t kProbation = 8192;  // texts, of which one in
      static constexpr std::uint32_t kFewest = 8;        // so many must be a recent one
      std::size_t id = 0;
      bool listens = true;
      bool compares = true;   // its originals are looked for
      bool prose = false;     // its originals are free text
      bool searched = false;  // for addresses and account numbers
      std::set<std::string> holds;
      std::uint64_t values = 0;
      std::uint64_t compared = 0;
      std::vector<std::uint64_t> originals;
      std::vector<std::size_t> recent;  // hashes of texts; empty: they hardly ever come again
      std::uint32_t asked = 0;
      std::uint32_t repeated = 0;
    };
    Recorder(LeakProof& proof, bool locates);
    bool is_repeated(std::string_view text);
    void search(std::string_view text);
    void found(const Word& word);
    void flush(Column& column);

    LeakProof& proof_;
    WordReader reader_;
    bool locates_;
    std::vector<Column> columns_;
    Column* column_ = nullptr;
    std::string row_;
    std::set<std::pair<std::size_t, std::uint64_t>> found_in_row_;  // column, fingerprint
    std::vector<std::uint64_t> said_;                               // of the value at hand
    std::uint64_t rows_ = 0;
  };
  std::unique_ptr<Recorder> record(const catalog::Schema& schema, const catalog::Table& table,
                                   const AnonymizationPlan& plan);

  // What was recorded of that table does not count: it is read again from its first row.
  void forget(const catalog::Table& table);
  // Ends the recording. True when the rows must be read once more, with `locate`.
  bool has_suspects();
  // A recorder that looks for the suspects in place of recording.
  std::unique_ptr<Recorder> locate(const catalog::Schema& schema, const catalog::Table& table,
                                   const AnonymizationPlan& plan);
  LeakReport report() const;

 private:
  class Filter;
  // Where a suspect was met in one column that is kept.
  struct Sighting {
    std::uint64_t rows = 0;
    std::string first_row;
    Word::Kind kind = Word::Kind::letters;
  };
  // What was heard of a column in one reading of its table; its place is its id.
  struct Heard {
    std::string column;  // schema.table.column; empty: forgotten
    std::uint64_t values = 0;
    std::uint64_t originals = 0;
    std::uint64_t compared = 0;
    std::uint64_t rows = 0;  // while leaks are looked for
  };
  std::unique_ptr<Recorder> listen(const catalog::Schema& schema, const catalog::Table& table,
                                   const AnonymizationPlan& plan, bool locates);
  std::size_t id_of(const std::string& column);
  bool is_telling(const Word& word) const;

  std::string key_;
  std::unique_ptr<Filter> filter_;
  UnnamedFile spool_;
  mutable std::mutex mutex_;
  std::vector<Heard> heard_;  // by id
  std::uint64_t too_common_ = 0;
  // Suspect → the masked columns it is of, and in how many values.
  std::unordered_map<std::uint64_t, std::map<std::size_t, std::uint64_t>> suspects_;
  std::map<std::pair<std::size_t, std::uint64_t>, Sighting> sightings_;
  std::vector<Leak> found_;  // by `search`
  FingerprintSet silent_;    // words that say nothing of anybody
  std::atomic<bool> must_locate_{false};
  std::atomic<bool> failed_{false};
};

// Throws Error{check} that lists the places and never a value; does nothing without leaks.
void raise_leaks(const LeakReport& report);

}  // namespace pgcycle::anonymize
