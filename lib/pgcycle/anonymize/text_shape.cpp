#include "pgcycle/anonymize/text_shape.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::anonymize {

namespace {

// A run of code points that replaces its own members. Each holds letters only.
struct LetterBlock {
  char32_t first;
  char32_t last;
  char32_t replacement_first;
  char32_t replacement_last;
};

constexpr LetterBlock kBlocks[] = {
    {U'a', U'z', U'a', U'z'},         {U'A', U'Z', U'A', U'Z'},
    {U'0', U'9', U'0', U'9'},         {0x00c0, 0x00de, U'A', U'Z'},
    {0x00df, 0x024f, U'a', U'z'},     {0x0370, 0x03ff, 0x03b1, 0x03c9},
    {0x0400, 0x042f, 0x0410, 0x042f}, {0x0430, 0x052f, 0x0430, 0x044f},
    {0x0531, 0x058f, 0x0561, 0x0586}, {0x0590, 0x05ff, 0x05d0, 0x05ea},
    {0x0600, 0x06ff, 0x0641, 0x064a}, {0x0900, 0x097f, 0x0915, 0x0939},
    {0x0e00, 0x0e7f, 0x0e01, 0x0e2e}, {0x3040, 0x309f, 0x3042, 0x3093},
    {0x30a0, 0x30ff, 0x30a2, 0x30f3}, {0x3400, 0x9fff, 0x4e00, 0x5fff},
    {0xac00, 0xd7a3, 0xac00, 0xd7a3},
};

const LetterBlock* block_of(char32_t code) {
  if (code < 0x80) {
    if (code >= 'a' && code <= 'z') return &kBlocks[0];
    if (code >= 'A' && code <= 'Z') return &kBlocks[1];
    return code >= '0' && code <= '9' ? &kBlocks[2] : nullptr;
  }
  for (const LetterBlock& block : kBlocks) {
    if (code >= block.first && code <= block.last) return &block;
  }
  return nullptr;
}

// Letters of scripts without a block of their own count as letters too, so that
// nothing unknown is let through: only ASCII punctuation, general punctuation
// and symbols are known not to be.
bool is_separator(char32_t code) {
  return (code < 0x80 && block_of(code) == nullptr) || (code >= 0x80 && code < 0xc0) ||
         code == 0xd7 || code == 0xf7 || (code >= 0x2000 && code < 0x2c00) ||
         (code >= 0x3000 && code < 0x3040) || (code >= 0xfe00 && code < 0xfe10) ||
         (code >= 0xff00 && code < 0xff10) || (code >= 0x1f000 && code < 0x20000);
}

}  // namespace

std::string replace_letters_and_digits(const PseudonymKey& key, std::string_view kind,
                                       std::string_view input) {
  Choices choices(key.digest(kind, input));
  std::string out;
  out.reserve(input.size());
  for (std::size_t i = 0; i < input.size();) {
    const char32_t code = next_code_point(input, i);
    if (const LetterBlock* block = block_of(code);
        block != nullptr && code != 0xd7 && code != 0xf7) {
      append_code_point(out, block->replacement_first +
                                 choices.below(static_cast<std::uint32_t>(
                                     block->replacement_last - block->replacement_first + 1)));
    } else if (is_separator(code)) {
      append_code_point(out, code);
    } else {
      out.push_back(static_cast<char>('a' + choices.below(26)));
    }
  }
  return out;
}

std::string permute_letters_and_digits(const KeyedPermutation& permutation,
                                       std::string_view input) {
  // Runs of characters whose places multiply to a number that fits are permuted as one.
  struct Place {
    char32_t first;
    std::uint64_t size;  // 1: stays
    std::uint64_t value;
  };
  constexpr std::size_t kUsual = 64;
  std::array<Place, kUsual> usual;
  std::vector<Place> longer;
  if (input.size() > kUsual) longer.resize(input.size());
  const std::span<Place> room = input.size() > kUsual ? std::span(longer) : std::span(usual);
  std::size_t count = 0;
  // × and ÷ stand in the middle of letters and are none.
  const auto hole_of = [](char32_t first) -> char32_t {
    return first == 0xc0 ? 0xd7 : first == 0xdf ? 0xf7 : 0;
  };
  for (std::size_t i = 0; i < input.size();) {
    const char32_t code = next_code_point(input, i);
    const LetterBlock* block = block_of(code);
    if (block != nullptr && code != 0xd7 && code != 0xf7) {
      const char32_t hole = hole_of(block->first);
      const std::uint64_t size = block->last - block->first + (hole != 0 ? 0 : 1);
      room[count++] = {block->first, size,
                       code - block->first - (hole != 0 && code > hole ? 1 : 0)};
    } else if (is_separator(code)) {
      room[count++] = {code, 1, 0};
    } else {
      throw Error(ErrorCode::check, "a unique column holds letters that have no permutation")
          .hint("use \"hash\" for this column");
    }
  }
  const std::span<Place> places = room.first(count);
  std::string out;
  out.reserve(input.size());
  std::uint32_t tweak = 0;
  // The number that places from `from` on make together, as far as it stays below `largest`.
  using Number = KeyedPermutation::Half;
  const auto read = [&places](std::size_t& from, std::uint64_t largest) {
    Number number{0, 1};
    for (; from < places.size() && number.size <= largest / places[from].size; ++from) {
      number.size *= places[from].size;
      number.value = number.value * places[from].size + places[from].value;
    }
    return number;
  };
  const auto write = [&places](std::size_t from, std::size_t end, std::uint64_t value) {
    while (end-- > from) {
      places[end].value = value % places[end].size;
      value /= places[end].size;
    }
  };
  for (std::size_t start = 0; start < places.size();) {
    constexpr std::uint64_t kLargest = std::uint64_t{1} << 62U;
    std::size_t middle = start;
    Number left = read(middle, KeyedPermutation::kLargestHalf);
    std::size_t end = middle;
    Number right = read(end, KeyedPermutation::kLargestHalf);
    if (right.size > kLargest / left.size) {
      permutation.permute_halves(left, right, tweak);
      write(start, middle, left.value);
      write(middle, end, right.value);
    } else {
      end = start;
      const Number whole = read(end, kLargest);
      write(start, end, permutation.permute(whole.value, whole.size, tweak));
    }
    for (; start < end; ++start) {
      auto code = places[start].first + static_cast<char32_t>(places[start].value);
      const char32_t hole = hole_of(places[start].first);
      if (places[start].size > 1 && hole != 0 && code >= hole) ++code;
      append_code_point(out, code);
    }
    if (end < places.size()) tweak = permutation.tweak_of(out);
  }
  return out;
}

std::string permute_others(const KeyedPermutation& permutation, std::string_view input,
                           bool (*is_of_the_kind)(std::string_view)) {
  std::string out(input);
  do {
    out = permute_letters_and_digits(permutation, out);
  } while (is_of_the_kind(out));
  return out;
}

std::string scrub_text(const PseudonymKey& key, std::string_view input) {
  std::string out;
  std::size_t i = 0;
  while (i < input.size()) {
    // A word reaches to the next separator. An apostrophe, dot, at sign or the
    // like inside an address splits it, and each part is judged for itself.
    const std::size_t start = i;
    std::size_t end = i;
    while (i < input.size()) {
      const char32_t code = next_code_point(input, i);
      if (is_separator(code)) break;
      end = i;
    }
    const std::string_view word = input.substr(start, end - start);
    if (!word.empty()) {
      out += is_common_word(lower_case(word)) ? std::string(word)
                                              : replace_letters_and_digits(key, "scrub", word);
    }
    out.append(input.substr(end, i - end));
  }
  return out;
}

std::string shape_of(std::string_view text) {
  constexpr std::size_t kLongest = 32;
  std::string out;
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size() && count < kLongest; ++count) {
    const char32_t code = next_code_point(text, i);
    if (code >= '0' && code <= '9') {
      out.push_back('9');
    } else if (code >= 0x80 || (code >= 'a' && code <= 'z')) {
      out.push_back('x');
    } else if (code >= 'A' && code <= 'Z') {
      out.push_back('X');
    } else {
      out.push_back(code < 0x20 ? ' ' : static_cast<char>(code));
    }
  }
  return count == kLongest ? out + "…" : out;
}

}  // namespace pgcycle::anonymize
