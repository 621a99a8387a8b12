#include "pgcycle/anonymize/word_reader.hpp"

#include <nettle/aes.h>
#include <nettle/base64.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
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

CharClass class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

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

bool joins_digits(char c) { return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')'; }

bool is_text(std::string_view bytes) {
  if (bytes.size() < kLeastLetters || !simdjson::validate_utf8(bytes.data(), bytes.size())) {
    return false;
  }
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 || c == '\n' || c == '\t' || c == '\r';
  });
}

bool in_code(char c) {
  return static_cast<unsigned char>(c) < 0x80 &&
         (class_of(c) != CharClass::separator || c == '+' || c == '/' || c == '-' || c == '_');
}

bool may_hide_words(std::string_view text) {
  std::size_t run = 0;
  for (const char c : text) {
    if (c == '%' || c == '\\') return true;
    run = in_code(c) ? run + 1 : 0;
    if (run == kLeastHidden) return true;
  }
  return false;
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

}  // namespace

struct WordReader::Cipher {
  aes128_ctx context;
};

WordReader::WordReader(std::string_view key) : cipher_(std::make_unique<Cipher>()) {
  aes128_set_encrypt_key(&cipher_->context, reinterpret_cast<const std::uint8_t*>(key.data()));
}
WordReader::~WordReader() = default;
WordReader::WordReader(WordReader&&) noexcept = default;

std::uint64_t WordReader::fingerprint(std::string_view word, Word::Kind kind) const {
  std::array<std::uint8_t, 16> block{};
  block[0] = kind == Word::Kind::number ? 1 : kind == Word::Kind::pair ? 2 : 3;
  block[0] = static_cast<std::uint8_t>(block[0] + 4 * std::min<std::size_t>(word.size(), 60));
  const std::size_t first = std::min<std::size_t>(word.size(), 15);
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

void WordReader::add(Word::Kind kind, std::size_t start, std::size_t letters) {
  places_.emplace_back(start, lower_.size() - start);
  words_.push_back({kind, {}, letters, 0});
}

void WordReader::end_number() {
  if (number_.size() >= kLeastDigits) {
    const std::size_t start = lower_.size();
    lower_ += number_;
    add(Word::Kind::number, start, number_.size());
    constexpr std::size_t kLastDigits = 9;  // the same number without its country code
    if (number_.size() > kLastDigits) {
      const std::size_t end = lower_.size();
      lower_ += number_.substr(number_.size() - kLastDigits);
      add(Word::Kind::number, end, kLastDigits);
    }
  }
  number_.clear();
}

void WordReader::read_plain(std::string_view text) {
  std::size_t last_start = std::string::npos;  // of the word before, for pairs
  std::size_t i = 0;
  std::size_t gap = 0;
  while (i < text.size()) {
    if (class_of(text[i]) == CharClass::separator) {
      if (!joins_digits(text[i]) || ++gap > 2) end_number();
      if (gap > 2 || text[i] == '"' || text[i] == '\n') last_start = std::string::npos;
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
    const std::size_t start = lower_.size();
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
        lower_.push_back(text[i]);
      } else if (c == CharClass::letter) {
        ++letters;
        lower_.push_back(static_cast<char>(byte | 0x20U));
      } else {
        ++digits;
        lower_.push_back(text[i]);
      }
    }
    if (!ascii) {
      const std::string folded = lower_case(std::string_view(lower_).substr(start));
      std::copy(folded.begin(), folded.end(), lower_.begin() + static_cast<std::ptrdiff_t>(start));
    }
    if (letters == 0) {
      number_ += std::string_view(lower_).substr(start);
      lower_.resize(start);
      last_start = std::string::npos;
      continue;
    }
    end_number();
    if (digits > 0) {
      if (letters + digits >= kLeastMixed) add(Word::Kind::mixed, start, letters + digits);
      last_start = std::string::npos;
      continue;
    }
    const std::size_t end = lower_.size();
    // Scripts without spaces or with few letters a name say more by the letter.
    const bool dense = !ascii && static_cast<unsigned char>(lower_[start]) >= 0xe0;
    if (letters >= kLeastLetters || (dense && letters >= 2)) add(Word::Kind::letters, start, letters);
    if (letters >= 2) {
      std::size_t own = start;
      if (last_start != std::string::npos) {
        lower_.append(lower_, last_start, start - last_start);  // the word before …
        lower_.push_back(' ');
        own = end;
        lower_.append(lower_, start, end - start);  // … and this one
        add(Word::Kind::pair, own, letters);
      }
      // Words stay where they are, so that the next pair finds this one at `start`.
      last_start = lower_.size();
      lower_.append(lower_, start, end - start);
    } else {
      last_start = std::string::npos;
    }
  }
  end_number();
}

// Codes that text may be hidden in: their runs of characters, decoded and read again.
void WordReader::read_hidden(std::string_view text) {
  std::vector<std::string> found{std::string(text)};
  for (int depth = 0; depth < kDeepest && !found.empty(); ++depth) {
    std::vector<std::string> next;
    for (const std::string& part : found) {
      if (part.find('%') != std::string::npos) next.push_back(from_url(part));
      if (part.find("\\u") != std::string::npos) next.push_back(from_escapes(part));
      for (std::size_t i = 0; i < part.size();) {
        std::size_t end = i;
        std::size_t hex = 0;
        while (end < part.size() && in_code(part[end])) {
          hex += hex_digit(part[end++]) >= 0 ? 1 : 0;
        }
        const std::string_view run = std::string_view(part).substr(i, end - i);
        i = end + 1;
        if (run.size() < kLeastHidden) continue;
        // "\x" of bytea is part of the run.
        const std::string_view digits = run.starts_with('x') ? run.substr(1) : run;
        if (hex == digits.size() && digits.size() % 2 == 0) {
          next.push_back(from_hex_digits(digits));
        } else {
          next.push_back(from_base64(run));
        }
        if (!is_text(next.back())) next.pop_back();
      }
    }
    for (const std::string& part : next) read_plain(part);
    found = std::move(next);
  }
}

const std::vector<Word>& WordReader::read(std::string_view text) {
  lower_.clear();
  words_.clear();
  places_.clear();
  read_plain(text);
  if (may_hide_words(text)) read_hidden(text);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    Word& word = words_[i];
    word.text = std::string_view(lower_).substr(places_[i].first, places_[i].second);
    word.fingerprint = fingerprint(word.text, word.kind);
  }
  return words_;
}

}  // namespace pgcycle::anonymize
