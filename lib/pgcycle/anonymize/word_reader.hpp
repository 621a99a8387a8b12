// The words of a text as the leak proof compares them: in lower case, whatever stands around
// them, and also those that are hidden in it: URL-encoded, in base64, as hex digits of bytea,
// behind \u escapes.
//
// Words of letters, words with digits in them, numbers (digits with separators between them
// count as one: "+351 912-345" is 351912345), and pairs of words that follow one another.
//
// Thread rule: one thread; reused from text to text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle::anonymize {

struct Word {
  enum class Kind { letters, mixed, number, pair };
  Kind kind = Kind::letters;
  std::uint64_t fingerprint = 0;  // keyed; equal words have equal ones
  // Of a pair: its words'.
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

// Least sizes of words that say something of a person by themselves.
constexpr std::size_t kLeastLetters = 4;
constexpr std::size_t kLeastMixed = 6;
constexpr std::size_t kLeastDigits = 7;

class WordReader {
 public:
  // `key` is 16 bytes; the fingerprints depend on it.
  explicit WordReader(std::string_view key);
  ~WordReader();
  WordReader(WordReader&&) noexcept;

  // The words of the text, shorter ones left out; valid until the next call.
  const std::vector<Word>& read(std::string_view text);
  // That of a single word in lower case.
  std::uint64_t fingerprint(std::string_view word) const;

 private:
  struct Cipher;
  void read_plain(std::string_view text);
  void read_hidden(std::string_view text);
  void end_number();

  std::unique_ptr<Cipher> cipher_;
  std::string word_;    // the one at hand, in lower case
  std::string number_;  // its digits so far
  std::vector<Word> words_;
};

}  // namespace pgcycle::anonymize
