#include "pgcycle/anonymize/packed_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "pgcycle/support/byte_order.hpp"

namespace pgcycle::anonymize {

namespace {

constexpr std::size_t kLeastBytes = 10;
constexpr unsigned kSymbols = 40;  // 39 and one that fills up
constexpr unsigned kFill = 39;

// What the first byte says of the rest; lower values number a mail host.
enum Header : unsigned char { packed_address = 0xf0, packed_word = 0xf1, raw = 0xff };

constexpr std::array<std::string_view, 24> kMailHosts{
    "gmail.com", "googlemail.com", "hotmail.com", "outlook.com", "live.com",    "msn.com",
    "yahoo.com", "yahoo.co.uk",    "icloud.com",  "me.com",      "aol.com",     "gmx.de",
    "gmx.net",   "web.de",         "t-online.de", "mail.ru",     "yandex.ru",   "qq.com",
    "163.com",   "protonmail.com", "proton.me",   "orange.fr",   "laposte.net", "example.com"};

constexpr std::uint8_t kNoSymbol = 255;
constexpr std::array<std::uint8_t, 256> kSymbolOf = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(kNoSymbol);
  constexpr std::string_view kInOrder = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  for (std::size_t i = 0; i < kInOrder.size(); ++i) {
    out[static_cast<unsigned char>(kInOrder[i])] = static_cast<std::uint8_t>(i);
  }
  return out;
}();

unsigned symbol(char c) { return kSymbolOf[static_cast<unsigned char>(c)]; }

bool is_packable(std::string_view text) {
  unsigned worst = 0;
  for (const char c : text) worst = std::max(worst, symbol(c));
  return worst != kNoSymbol;
}

// Three symbols in two bytes; one that is left over in one.
void append_packed(std::string& out, std::string_view text) {
  const std::size_t start = out.size();
  out.resize(start + text.size() / 3 * 2 + text.size() % 3);
  char* at = out.data() + start;
  const auto put = [&at](unsigned first, unsigned second, unsigned third) {
    const unsigned value = (first * kSymbols + second) * kSymbols + third;
    *at++ = static_cast<char>(value >> 8U);
    *at++ = static_cast<char>(value & 0xffU);
  };
  for (; text.size() >= 3; text.remove_prefix(3)) {
    put(symbol(text[0]), symbol(text[1]), symbol(text[2]));
  }
  if (text.size() == 2) put(symbol(text[0]), symbol(text[1]), kFill);
  if (text.size() == 1) *at = static_cast<char>(symbol(text[0]));
}

std::string filled_up(std::string bytes) {
  bytes.push_back(static_cast<char>(0x80));
  if (bytes.size() < kLeastBytes) bytes.resize(kLeastBytes, '\0');
  return bytes;
}

std::string raw_bytes(std::string_view text) {
  return filled_up(std::string(1, static_cast<char>(Header::raw)) + std::string(text));
}

// Capitals of two bytes, by their first byte and the range of their second one.
struct CapitalRange {
  unsigned char lead, first, last;
  unsigned char lower_lead;
  int distance;
};
constexpr std::array<CapitalRange, 6> kCapitals{{{0xc3, 0x80, 0x9e, 0xc3, 0x20},     // À to Þ
                                                 {0xce, 0x91, 0x9f, 0xce, 0x20},     // Α to Ο
                                                 {0xce, 0xa0, 0xa9, 0xcf, -0x20},    // Π to Ω
                                                 {0xd0, 0x80, 0x8f, 0xd1, 0x10},     // Ѐ to Џ
                                                 {0xd0, 0x90, 0x9f, 0xd0, 0x20},     // А to П
                                                 {0xd0, 0xa0, 0xaf, 0xd1, -0x20}}};  // Р to Я

}  // namespace

std::string packed_text(std::string_view text) {
  if (!is_packable(text)) return raw_bytes(text);
  std::string out(1, static_cast<char>(Header::packed_word));
  append_packed(out, text);
  return filled_up(std::move(out));
}

std::string packed_email(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || at > 255) return raw_bytes(address);
  const std::string_view local = address.substr(0, at);
  const std::string_view host = address.substr(at + 1);
  if (!is_packable(local) || !is_packable(host)) return raw_bytes(address);
  std::string out;
  const auto* const known = std::find(kMailHosts.begin(), kMailHosts.end(), host);
  if (known != kMailHosts.end()) {
    out.push_back(static_cast<char>(known - kMailHosts.begin()));
    append_packed(out, local);
  } else {
    out.push_back(static_cast<char>(Header::packed_address));
    out.push_back(static_cast<char>(local.size()));
    append_packed(out, local);
    append_packed(out, host);
  }
  return filled_up(std::move(out));
}

bool is_lower_case(std::string_view text) {
  // Eight at a time: a byte below 0x80 is a capital where adding takes it past 0x80 from
  // 'A' on, and does not from behind 'Z' on.
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  constexpr std::uint64_t kHigh = kEach * 0x80U;
  const auto has_other = [](std::uint64_t word) {
    const std::uint64_t low = word & ~kHigh;
    const std::uint64_t from_a = low + kEach * (0x80U - 'A');
    const std::uint64_t behind_z = low + kEach * (0x80U - 'Z' - 1U);
    return ((word | (from_a & ~behind_z)) & kHigh) != 0;
  };
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::size_t at = 0;
  for (; at + kWord <= text.size(); at += kWord) {
    if (has_other(load_word(text.data() + at))) return false;
  }
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + at, text.size() - at);
  return !has_other(word);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  bool ascii = true;
  for (char& c : out) {
    ascii = ascii && static_cast<unsigned char>(c) < 0x80;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 0x20);
  }
  if (ascii) return out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if (c < 0xc3 || c > 0xd0 || i + 1 == out.size()) continue;
    const auto next = static_cast<unsigned char>(out[i + 1]);
    for (const CapitalRange& range : kCapitals) {
      if (c != range.lead || next < range.first || next > range.last) continue;
      if (c == 0xc3 && next == 0x97) break;  // ×
      out[i] = static_cast<char>(range.lower_lead);
      out[i + 1] = static_cast<char>(next + range.distance);
      break;
    }
    ++i;
  }
  return out;
}

}  // namespace pgcycle::anonymize
