#include "pgcycle/anonymize/word_reader.hpp"

#include <nettle/aes.h>
#include <nettle/base64.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::anonymize {

namespace {

constexpr std::size_t kLeastHidden = 12;  // characters of base64 or hex that may hide a word
constexpr int kDeepest = 2;               // codes within codes

enum class CharClass : std::uint8_t { separator, letter, digit };

constexpr std::array<CharClass, 256> kClasses = [] {
  std::array<CharClass, 256> out{};
  for (std::size_t c = 0; c < out.size(); ++c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80) out[c] = CharClass::letter;
    if (c >= '0' && c <= '9') out[c] = CharClass::digit;
  }
  return out;
}();

constexpr CharClass class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

// Bytes that are no letters although they are not ASCII: spaces and punctuation of Latin-1 and
// of the general block. Their length, or 0.
std::size_t foreign_separator(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
  };
  if (byte(0) == 0xc2) return 2;
  if (byte(0) == 0xe2 && (byte(1) == 0x80 || byte(1) == 0x81)) return 3;
  if (byte(0) == 0xe3 && byte(1) == 0x80) return 3;
  return 0;
}

bool joins_digits(char c) {
  return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')';
}

bool is_text_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 || c == '\n' || c == '\t' || c == '\r';
}

bool is_text(std::string_view bytes) {
  return bytes.size() >= kLeastLetters && std::all_of(bytes.begin(), bytes.end(), is_text_byte) &&
         simdjson::validate_utf8(bytes.data(), bytes.size());
}

constexpr bool in_code(char c) {
  return static_cast<unsigned char>(c) < 0x80 &&
         (class_of(c) != CharClass::separator || c == '+' || c == '/' || c == '-' || c == '_');
}

bool may_hide_words(std::string_view text) {
  static constexpr std::array<bool, 256> kInCode = [] {
    std::array<bool, 256> out{};
    for (std::size_t c = 0; c < out.size(); ++c) out[c] = in_code(static_cast<char>(c));
    return out;
  }();
  std::size_t run = 0;
  for (const char c : text) {
    run = kInCode[static_cast<unsigned char>(c)] ? run + 1 : 0;
    if (run == kLeastHidden || c == '%' || c == '\\') return true;
  }
  return false;
}

// Both are keyed, so that a mixture of them is.
std::uint64_t pair_of(std::uint64_t first, std::uint64_t second) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  const std::uint64_t mixed = (first ^ (first >> 31U)) * kOdd + std::rotl(second, 23);
  return mixed ^ (mixed >> 29U);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string from_hex_digits(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<char>(hex_digit(text[i]) * 16 + hex_digit(text[i + 1])));
  }
  return out;
}

std::string from_url(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += from_hex_digits(text.substr(i + 1, 2));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

// "\u00e9" and "\t"; a half of a pair of surrogates is left out.
std::string from_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    ++i;
    char32_t code = 0;
    std::size_t digits = 0;
    while (text[i] == 'u' && digits < 4 && i + 1 + digits < text.size() &&
           hex_digit(text[i + 1 + digits]) >= 0) {
      code = code * 16 + static_cast<char32_t>(hex_digit(text[i + 1 + digits++]));
    }
    if (digits == 4) {
      if (code < 0xd800 || code > 0xdfff) append_code_point(out, code);
      i += 4;
    } else {
      out.push_back(' ');
    }
  }
  return out;
}

std::string from_base64(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '-', '+');
  std::replace(plain.begin(), plain.end(), '_', '/');
  plain.resize(plain.size() / 4 * 4 + (plain.size() % 4 == 1 ? 0 : plain.size() % 4));
  while (plain.size() % 4 != 0) plain.push_back('=');
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::string out(BASE64_DECODE_LENGTH(plain.size()), '\0');
  std::size_t length = out.size();
  if (base64_decode_update(&context, &length, reinterpret_cast<std::uint8_t*>(out.data()),
                           plain.size(), plain.data()) == 0) {
    return {};
  }
  out.resize(length);
  return out;
}

// False for base64 whose first bytes are none of a text: most of what only looks like it.
bool may_begin_text(std::string_view base64) {
  constexpr std::size_t kStart = 12;
  constexpr std::size_t kLongestCut = 3;  // bytes of a character that goes on behind the start
  const std::string start = from_base64(base64.substr(0, kStart));
  if (start.empty() || !std::all_of(start.begin(), start.end(), is_text_byte)) return false;
  for (std::size_t cut = 0; cut <= kLongestCut; ++cut) {
    if (simdjson::validate_utf8(start.data(), start.size() - cut)) return true;
  }
  return false;
}

// What the text says in URL encoding, in \u escapes, and in runs of hex or base64.
std::vector<std::string> decoded_texts(std::string_view text) {
  std::vector<std::string> out;
  if (text.find('%') != std::string_view::npos) out.push_back(from_url(text));
  if (text.find("\\u") != std::string_view::npos) out.push_back(from_escapes(text));
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    std::size_t hex = 0;
    while (end < text.size() && in_code(text[end])) {
      hex += hex_digit(text[end++]) >= 0 ? 1 : 0;
    }
    const std::string_view run = text.substr(i, end - i);
    i = end + 1;
    if (run.size() < kLeastHidden) continue;
    // "\x" of bytea is part of the run.
    const std::string_view digits = run.starts_with('x') ? run.substr(1) : run;
    if (hex == digits.size() && digits.size() % 2 == 0) {
      out.push_back(from_hex_digits(digits));
    } else if (may_begin_text(run)) {
      out.push_back(from_base64(run));
    } else {
      continue;
    }
    if (!is_text(out.back())) out.pop_back();
  }
  return out;
}

}  // namespace

struct WordReader::Cipher {
  aes128_ctx context;
};

WordReader::WordReader(std::string_view key) : cipher_(std::make_unique<Cipher>()) {
  aes128_set_encrypt_key(&cipher_->context, reinterpret_cast<const std::uint8_t*>(key.data()));
}
WordReader::~WordReader() = default;
WordReader::WordReader(WordReader&&) noexcept = default;

std::uint64_t WordReader::fingerprint(std::string_view word) const {
  std::array<std::uint8_t, 16> block{};
  block[0] = static_cast<std::uint8_t>(std::min<std::size_t>(word.size(), 255));
  const std::size_t first = std::min<std::size_t>(word.size(), block.size() - 1);
  std::memcpy(block.data() + 1, word.data(), first);
  aes128_encrypt(&cipher_->context, block.size(), block.data(), block.data());
  for (std::size_t start = first; start < word.size(); start += block.size()) {
    const std::string_view part = word.substr(start, block.size());
    for (std::size_t i = 0; i < part.size(); ++i) block[i] ^= static_cast<std::uint8_t>(part[i]);
    aes128_encrypt(&cipher_->context, block.size(), block.data(), block.data());
  }
  std::uint64_t out = 0;
  std::memcpy(&out, block.data(), sizeof out);
  return out;
}

void WordReader::end_number() {
  constexpr std::size_t kLastDigits = 9;  // the same number without its country code
  if (number_.size() >= kLeastDigits) {
    words_.push_back({Word::Kind::number, fingerprint(number_)});
  }
  if (number_.size() > kLastDigits) {
    words_.push_back({Word::Kind::number,
                      fingerprint(std::string_view(number_).substr(number_.size() - kLastDigits))});
  }
  number_.clear();
}

void WordReader::read_plain(std::string_view text) {
  std::uint64_t before = 0;  // the word before, for pairs; 0: none
  std::size_t gap = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (class_of(text[i]) == CharClass::separator) {
      if (!joins_digits(text[i]) || ++gap > 2) end_number();
      if (gap > 2 || text[i] == '"' || text[i] == '\n') before = 0;
      ++i;
      continue;
    }
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      if (const std::size_t length = foreign_separator(text, i)) {
        end_number();
        i += length;
        continue;
      }
    }
    gap = 0;
    word_.clear();
    std::size_t letters = 0;
    std::size_t digits = 0;
    bool ascii = true;
    for (; i < text.size(); ++i) {
      const CharClass c = class_of(text[i]);
      if (c == CharClass::separator) break;
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte >= 0x80) {
        if (foreign_separator(text, i) != 0) break;
        ascii = false;
        letters += (byte & 0xc0U) != 0x80U ? 1 : 0;
        word_.push_back(text[i]);
      } else if (c == CharClass::letter) {
        ++letters;
        word_.push_back(static_cast<char>(byte | 0x20U));
      } else {
        ++digits;
        word_.push_back(text[i]);
      }
    }
    if (letters == 0) {
      number_ += word_;
      before = 0;
      continue;
    }
    end_number();
    if (!ascii) word_ = lower_case(word_);
    if (digits > 0) {
      before = 0;
      if (letters + digits >= kLeastMixed) {
        words_.push_back({Word::Kind::mixed, fingerprint(word_)});
      }
      continue;
    }
    if (letters < 2) {
      before = 0;
      continue;
    }
    const std::uint64_t own = fingerprint(word_);
    // Scripts without spaces or with few letters a name say more by the letter.
    const bool dense = !ascii && static_cast<unsigned char>(word_[0]) >= 0xe0;
    if (letters >= kLeastLetters || dense) words_.push_back({Word::Kind::letters, own});
    if (before != 0) words_.push_back({Word::Kind::pair, pair_of(before, own), before, own});
    before = own;
  }
  end_number();
}

// Codes that text may be hidden in: their runs of characters, decoded and read again.
void WordReader::read_hidden(std::string_view text) {
  std::vector<std::string> found = decoded_texts(text);
  for (int depth = 1; !found.empty(); ++depth) {
    for (const std::string& part : found) read_plain(part);
    if (depth == kDeepest) return;
    std::vector<std::string> next;
    for (const std::string& part : found) {
      for (std::string& deeper : decoded_texts(part)) next.push_back(std::move(deeper));
    }
    found = std::move(next);
  }
}

const std::vector<Word>& WordReader::read(std::string_view text) {
  words_.clear();
  read_plain(text);
  if (may_hide_words(text)) read_hidden(text);
  return words_;
}

}  // namespace pgcycle::anonymize
