// UTF-8 code points (RFC 3629). Input that is not UTF-8 is never read past its
// end; what comes out for it is unspecified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace pgcycle {

// The code point at `i`, which moves behind it.
inline char32_t next_code_point(std::string_view text, std::size_t& i) {
  const auto lead = static_cast<unsigned char>(text[i++]);
  const unsigned extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  char32_t code = extra == 0 ? lead : lead & (0x3fU >> extra);
  for (unsigned k = 0; k < extra && i < text.size(); ++k) {
    code = (code << 6U) | (static_cast<unsigned char>(text[i++]) & 0x3fU);
  }
  return code;
}

inline void append_code_point(std::string& out, char32_t code) {
  const auto push = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto push_tail = [&push, code](unsigned shift) { push(0x80 | ((code >> shift) & 0x3fU)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xc0 | (code >> 6U));
    push_tail(0);
  } else if (code < 0x10000) {
    push(0xe0 | (code >> 12U));
    push_tail(6);
    push_tail(0);
  } else {
    push(0xf0 | (code >> 18U));
    push_tail(12);
    push_tail(6);
    push_tail(0);
  }
}

inline std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
  return count;
}

// How many bytes from the start are ASCII.
inline std::size_t ascii_prefix(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  constexpr std::size_t kStep = 4 * sizeof(std::uint64_t);
  std::size_t i = 0;
  for (; i + kStep <= text.size(); i += kStep) {
    std::uint64_t words[4];
    std::memcpy(words, text.data() + i, kStep);
    if (((words[0] | words[1] | words[2] | words[3]) & kHighBits) != 0) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

// How many bytes from the start are UTF-8: nothing cut short, no surrogates and nothing longer than
// need be.
inline std::size_t utf8_prefix(std::string_view text) {
  constexpr char32_t kLeast[] = {0x80, 0x800, 0x10000};  // of two, three and four bytes
  std::size_t i = ascii_prefix(text);
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0xc2 || lead > 0xf4) return i;
    const std::size_t extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (text.size() - i <= extra) return i;
    for (std::size_t k = 1; k <= extra; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0U) != 0x80) return i;
    }
    std::size_t next = i;
    const char32_t code = next_code_point(text, next);
    if (code < kLeast[extra - 1] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return i;
    i = next + ascii_prefix(text.substr(next));
  }
  return i;
}

inline bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

}  // namespace pgcycle
