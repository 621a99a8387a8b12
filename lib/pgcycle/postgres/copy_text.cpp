#include "pgcycle/postgres/copy_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "pgcycle/support/byte_order.hpp"

namespace pgcycle::postgres {

namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Appends the character that starts at `text[i]`, just behind a backslash;
// returns the index past it.
std::size_t append_escape(std::string& out, std::string_view text, std::size_t i) {
  const char c = text[i++];
  switch (c) {
    case 'b':
      out.push_back('\b');
      return i;
    case 'f':
      out.push_back('\f');
      return i;
    case 'n':
      out.push_back('\n');
      return i;
    case 'r':
      out.push_back('\r');
      return i;
    case 't':
      out.push_back('\t');
      return i;
    case 'v':
      out.push_back('\v');
      return i;
    case 'x': {
      int value = 0;
      std::size_t digits = 0;
      while (digits < 2 && i < text.size() && hex_value(text[i]) >= 0) {
        value = value * 16 + hex_value(text[i++]);
        ++digits;
      }
      out.push_back(digits == 0 ? 'x' : static_cast<char>(value));
      return i;
    }
    default:
      break;
  }
  if (!is_octal(c)) {
    out.push_back(c);
    return i;
  }
  int value = c - '0';
  for (int digits = 1; digits < 3 && i < text.size() && is_octal(text[i]); ++digits) {
    value = value * 8 + (text[i++] - '0');
  }
  out.push_back(static_cast<char>(value & 0xff));
  return i;
}

// What COPY writes behind a backslash in place of a character; 0 for one that stands as it is.
constexpr std::array<char, 256> kEscapeLetters = [] {
  std::array<char, 256> out{};
  out['\\'] = '\\';
  out['\n'] = 'n';
  out['\r'] = 'r';
  out['\t'] = 't';
  return out;
}();

// Whether one of eight characters may be one that COPY escapes: a backslash, or below 0x0e.
// Finds all of them, and few others.
bool word_may_need_escape(std::uint64_t word) {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = kEach * 0x80U;
  const std::uint64_t backslash = word ^ (kEach * static_cast<unsigned char>('\\'));
  return ((((backslash - kEach) & ~backslash) | ((word - kEach * 0x0eU) & ~word)) & kHigh) != 0;
}

// Whether COPY may escape one of the characters. The last word overlaps the one before it.
bool needs_escape(std::string_view text) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  constexpr std::size_t kHalf = kWord / 2;
  const char* const end = text.data() + text.size();
  if (text.size() >= kWord) {
    for (const char* at = text.data(); at + kWord <= end; at += kWord) {
      if (word_may_need_escape(load_word(at))) return true;
    }
    return word_may_need_escape(load_word(end - kWord));
  }
  if (text.size() >= kHalf) {
    std::array<char, kWord> both;
    std::memcpy(both.data(), text.data(), kHalf);
    std::memcpy(both.data() + kHalf, end - kHalf, kHalf);
    return word_may_need_escape(load_word(both.data()));
  }
  for (const char c : text) {
    if (kEscapeLetters[static_cast<unsigned char>(c)] != 0) return true;
  }
  return false;
}

}  // namespace

void CopyTextRow::parse(std::string_view line) {
  fields_.clear();
  written_.clear();
  if (line.find('\\') == std::string_view::npos) {  // no NULL and nothing escaped
    for (std::size_t start = 0;;) {
      const std::size_t end = line.find('\t', start);
      fields_.emplace_back(line.substr(start, end - start));
      if (end == std::string_view::npos) return;
      start = end + 1;
    }
  }
  unescaped_.clear();
  unescaped_.reserve(line.size());  // so that views into it never move
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = std::min(line.find('\t', start), line.size());
    const std::string_view field = line.substr(start, end - start);
    written_.push_back(field);
    if (field == "\\N") {
      fields_.emplace_back(std::nullopt);
    } else if (field.find('\\') == std::string_view::npos) {
      fields_.emplace_back(field);
    } else {
      const std::size_t from = unescaped_.size();
      for (std::size_t i = 0; i < field.size();) {
        if (field[i] == '\\' && i + 1 < field.size()) {
          i = append_escape(unescaped_, field, i + 1);
        } else {
          unescaped_.push_back(field[i++]);
        }
      }
      fields_.emplace_back(std::string_view(unescaped_).substr(from));
    }
    if (end == line.size()) return;
    start = end + 1;
  }
}

void append_copy_field(std::string& out, std::string_view text) {
  if (!needs_escape(text)) {
    out.append(text);
    return;
  }
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = kEscapeLetters[static_cast<unsigned char>(text[i])];
    if (letter == 0) continue;
    out.append(text, plain, i - plain);
    out.push_back('\\');
    out.push_back(letter);
    plain = i + 1;
  }
  out.append(text, plain);
}

}  // namespace pgcycle::postgres
