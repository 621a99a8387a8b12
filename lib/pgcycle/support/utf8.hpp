// UTF-8 code points (RFC 3629). Input that is not UTF-8 is never read past its
// end; what comes out for it is unspecified.
#pragma once

#include <cstddef>
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

}  // namespace pgcycle
