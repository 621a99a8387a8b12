#include "pgcycle/anonymize/format_generators.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include "pgcycle/anonymize/memo.hpp"
#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/anonymize/permutation.hpp"
#include "pgcycle/anonymize/text_shape.hpp"
#include "pgcycle/support/byte_order.hpp"

namespace pgcycle::anonymize {

namespace {

// Objects, so that algorithms over them are compiled as one.
constexpr auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
constexpr auto is_space_or_hyphen = [](char c) { return c == ' ' || c == '-'; };
constexpr auto is_phone_character = [](char c) {
  return is_digit(c) || is_space_or_hyphen(c) || c == '.' || c == '/' || c == '(' || c == ')';
};

// Appends the input with its digits from `start` on replaced by a permutation of themselves.
void permute_digits_from(const KeyedPermutation& permutation, std::string_view input,
                         std::size_t start, std::string& out) {
  std::string digits;
  for (std::size_t i = start; i < input.size(); ++i) {
    if (is_digit(input[i])) digits.push_back(input[i]);
  }
  const std::string changed = permutation.permute_digits(digits, input.substr(0, start));
  const char* next = changed.data();
  const std::size_t shift = out.size();
  out += input;
  for (std::size_t i = shift + start; i < out.size(); ++i) {
    if (is_digit(out[i])) out[i] = *next++;
  }
}

// The number that the eight characters from `at` on are, if all are digits. Pairs of digits
// become numbers side by side in one word, then pairs of those.
std::optional<std::uint64_t> eight_digits(const char* at) {
  constexpr std::uint64_t kEach = 0x0101010101010101U;
  const std::uint64_t digits = little_endian(load_word(at)) - kEach * '0';
  if (((digits | (digits + kEach * (0x80U - 10U))) & (kEach * 0x80U)) != 0) return std::nullopt;
  std::uint64_t out = (digits * 10 + (digits >> 8U)) & 0x00ff00ff00ff00ffU;
  out = (out * 100 + (out >> 16U)) & 0x0000ffff0000ffffU;
  return (out * 10000 + (out >> 32U)) & 0xffffffffU;
}

// Remainder by 97 of a string in which letters count as two digits (A = 10), behind one that
// left `remainder`.
unsigned modulo_97(std::string_view text, unsigned remainder = 0) {
  constexpr std::uint64_t kRoom = std::numeric_limits<std::uint64_t>::max() / 1000;
  std::uint64_t number = remainder;
  while (!text.empty()) {
    if (text.size() >= 8 && number < 97) {
      if (const auto eight = eight_digits(text.data())) {
        number = (number * 100'000'000 + *eight) % 97;
        text.remove_prefix(8);
        continue;
      }
    }
    if (number > kRoom) number %= 97;
    const char c = text.front();
    number = is_digit(c) ? number * 10 + static_cast<unsigned>(c - '0')
                         : number * 100 + static_cast<unsigned>((c | 0x20) - 'a' + 10);
    text.remove_prefix(1);
  }
  return static_cast<unsigned>(number % 97);
}

// At least `digits` decimal digits.
void append_padded(std::string& out, unsigned value, std::size_t digits) {
  const std::string text = std::to_string(value);
  if (text.size() < digits) out.append(digits - text.size(), '0');
  out += text;
}

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

// Fills the places of `shape` that are neither space nor hyphen with `text`.
std::string in_shape_of(std::string_view shape, std::string_view text) {
  std::string out(shape);
  std::size_t next = 0;
  for (char& c : out) {
    if (!is_space_or_hyphen(c)) c = text[next++];
  }
  return out;
}

std::string compact(std::string_view text) {
  std::string out(text);
  std::erase_if(out, is_space_or_hyphen);
  return out;
}

unsigned iban_check(std::string_view country, std::string_view account) {
  return 98 - modulo_97("00", modulo_97(country, modulo_97(account)));
}

bool is_compact_iban(std::string_view plain) {
  if (plain.size() < 15 || plain.size() > 34) return false;
  for (const char c : plain) {
    if (!is_letter(c) && !is_digit(c)) return false;
  }
  return is_letter(plain[0]) && is_letter(plain[1]) && is_digit(plain[2]) && is_digit(plain[3]) &&
         modulo_97(plain.substr(0, 4), modulo_97(plain.substr(4))) == 1;
}

}  // namespace

bool is_iban(std::string_view text) { return is_compact_iban(compact(text)); }

char luhn_digit(std::string_view digits) {
  int sum = 0;
  bool doubled = true;
  for (std::size_t i = digits.size(); i-- > 0; doubled = !doubled) {
    int value = digits[i] - '0';
    if (doubled) value = value * 2 > 9 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

namespace {

bool is_compact_card(std::string_view plain) {
  if (plain.size() < 13 || plain.size() > 19 || plain[0] < '2' || plain[0] > '6') return false;
  for (const char c : plain) {
    if (!is_digit(c)) return false;
  }
  return luhn_digit(plain.substr(0, plain.size() - 1)) == plain.back();
}

}  // namespace

bool is_card_number(std::string_view text) { return is_compact_card(compact(text)); }

Generator make_phone(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [permutation = KeyedPermutation(key, "phone")](std::string_view input, const MaskRow&,
                                                        std::string& out) {
    // "+351 912 345 678": the country code stays. Letters are vanity numbers and notes.
    std::size_t start = 0;
    if (input.starts_with('+')) {
      start = 1;
      while (start < input.size() && start < 4 && is_digit(input[start])) ++start;
    }
    const std::string_view rest = input.substr(start);
    if (std::all_of(rest.begin(), rest.end(), is_phone_character)) {
      permute_digits_from(permutation, input, start, out);
    } else {
      out.append(input, 0, start).append(permute_letters_and_digits(permutation, rest));
    }
    return true;
  };
}

Generator make_iban(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [permutation = KeyedPermutation(key, "iban"), others = KeyedPermutation(key, "no iban")](
             std::string_view input, const MaskRow&, std::string& out) {
    std::string buffer;
    const bool spaced = std::any_of(input.begin(), input.end(), is_space_or_hyphen);
    const std::string_view plain = spaced ? buffer = compact(input) : input;
    if (!is_compact_iban(plain)) {
      out += permute_others(others, input, is_iban);
      return true;
    }
    constexpr std::size_t kCountry = 2;
    constexpr std::size_t kBeforeAccount = 4;
    const std::string_view original = plain.substr(kBeforeAccount);
    const bool digits = std::all_of(original.begin(), original.end(), is_digit);
    const std::size_t start = out.size();
    out.append(plain, 0, kBeforeAccount);
    if (digits) {
      permutation.append_permuted_digits(out, original);
    } else {
      out += permute_letters_and_digits(permutation, original);
    }
    const std::string_view made = std::string_view(out).substr(start);
    const unsigned check = iban_check(made.substr(0, kCountry), made.substr(kBeforeAccount));
    out[start + kCountry] = static_cast<char>('0' + check / 10);
    out[start + kCountry + 1] = static_cast<char>('0' + check % 10);
    if (spaced) out.replace(start, std::string::npos, in_shape_of(input, out.substr(start)));
    return true;
  };
}

Generator make_card(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  constexpr std::size_t kIssuer = 6;
  return [permutation = KeyedPermutation(key, "card"), others = KeyedPermutation(key, "no card")](
             std::string_view input, const MaskRow&) {
    const std::string plain = compact(input);
    if (!is_compact_card(plain)) {
      return permute_others(others, input, is_card_number);
    }
    std::string out = plain.substr(0, kIssuer);
    out += permutation.permute_digits(plain.substr(kIssuer, plain.size() - kIssuer - 1), out);
    out.push_back(luhn_digit(out));
    return in_shape_of(input, out);
  };
}

Generator make_uuid(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [permutation = KeyedPermutation(key, "uuid"), others = KeyedPermutation(key, "no uuid")](
             std::string_view input, const MaskRow&) {
    constexpr std::size_t kVersion = 6;  // the bytes that say which kind of UUID it is
    constexpr std::size_t kVariant = 8;
    std::string digits;
    for (const char c : input) {
      if (c != '-') digits.push_back(c);
    }
    KeyedPermutation::Block bytes{};
    if (digits.size() != 2 * bytes.size() ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      return permute_letters_and_digits(others, input);
    }
    const std::vector<std::uint8_t> read = from_hex(lower_case(digits));
    std::copy(read.begin(), read.end(), bytes.begin());
    const KeyedPermutation::Block original = bytes;
    do {  // walks until the version and the variant are those of the original
      bytes = permutation.permute_block(bytes);
    } while ((bytes[kVersion] & 0xf0U) != (original[kVersion] & 0xf0U) ||
             (bytes[kVariant] & 0xc0U) != (original[kVariant] & 0xc0U));
    return in_shape_of(input, to_hex(bytes));
  };
}

namespace {

using Address = KeyedPermutation::Block;

// An address as a number, its first byte the highest.
__extension__ using Bits = unsigned __int128;

Bits bits_of(const Address& address) {
  return (Bits{big_endian(load_word(address.data()))} << 64U) |
         big_endian(load_word(address.data() + 8));
}

Address address_of(Bits bits) {
  const std::array<std::uint64_t, 2> words{big_endian(static_cast<std::uint64_t>(bits >> 64U)),
                                           big_endian(static_cast<std::uint64_t>(bits))};
  return std::bit_cast<Address>(words);
}

// Changes the first `bits` bits, each by what comes before it: addresses that share a prefix
// still do. Source: Xu, Fan, Ammar, Moon, "Prefix-Preserving IP Address Anonymization", 2002;
// but a block under a prefix says it for the whole tree of the seven bits that follow.
Address permute_address(const KeyedPermutation& permutation, const Address& address,
                        std::size_t bits) {
  constexpr std::size_t kDepth = 7;  // 1 + 2 + 4 + … + 64 nodes are 127 bits
  constexpr std::size_t kAll = 128;
  const Bits original = bits_of(address);
  Bits flips = 0;
  for (std::size_t start = 0; start < bits; start += kDepth) {
    // The prefix is ended by a one, so that prefixes of two lengths differ.
    const Bits end = Bits{1} << (kAll - 1 - start);
    const Bits prefix = (original & ~(2 * end - 1)) | end;
    const Bits tree = bits_of(permutation.permute_block(address_of(prefix)));
    const std::array<std::uint64_t, 2> nodes{static_cast<std::uint64_t>(tree >> 64U),
                                             static_cast<std::uint64_t>(tree)};
    const std::size_t depth = std::min(kDepth, bits - start);
    const std::size_t rest = kAll - start - depth;  // of bits, behind those of this tree
    const auto wanted = static_cast<unsigned>(original >> rest);
    unsigned changed = 0;
    std::size_t node = 1;
    for (std::size_t left = depth; left-- > 0;) {
      const auto flip = static_cast<unsigned>(nodes[node / 64] >> (63U - node % 64)) & 1U;
      changed = 2 * changed + flip;
      node = 2 * node + ((wanted >> left) & 1U);
    }
    flips |= Bits{changed} << rest;
  }
  return address_of(original ^ flips);
}

// The address with all bits from `bits` on at zero.
Address network_of(Address address, std::size_t bits) {
  for (std::size_t byte = bits / 8; byte < address.size(); ++byte) {
    const unsigned kept = byte == bits / 8 ? 0xff00U >> (bits % 8) : 0;
    address[byte] = static_cast<std::uint8_t>(address[byte] & kept);
  }
  return address;
}

void append_shown(std::string& out, int family, const Address& address) {
  if (family == AF_INET) {
    constexpr std::size_t kBytes = 4;
    for (std::size_t i = 0; i < kBytes; ++i) {
      const fmt::format_int byte(static_cast<unsigned>(address[i]));
      if (i > 0) out.push_back('.');
      out.append(byte.data(), byte.size());
    }
    return;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, address.data(), text.data(), text.size());
  out += text.data();
}

}  // namespace

Generator make_ip(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [ipv4 = KeyedPermutation(key, "ip"), ipv6 = KeyedPermutation(key, "ipv6"),
          others = KeyedPermutation(key, "no ip")](std::string_view input, const MaskRow&,
                                                   std::string& out) {
    const std::size_t slash = std::min(input.find('/'), input.size());
    const std::string text(input.substr(0, slash));
    const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
    const std::size_t bits = family == AF_INET ? 32 : 128;
    Address address{};
    if (inet_pton(family, text.c_str(), address.data()) != 1) {
      out += permute_letters_and_digits(others, input);
      return true;
    }
    std::size_t mask = bits;
    if (slash < input.size()) {
      std::from_chars(input.data() + slash + 1, input.data() + input.size(), mask);
    }
    // A network stays a network; what would become one takes the place that this leaves free.
    const bool whole = mask == bits;
    const Address network = whole ? address : network_of(address, mask);
    const auto permute = [&](const Address& from, std::size_t first_bits) {
      return permute_address(family == AF_INET ? ipv4 : ipv6, from, first_bits);
    };
    Address made = permute(address, !whole && address == network ? mask : bits);
    if (!whole && address != network && made == network_of(made, mask)) {
      made = permute(network, bits);
    }
    append_shown(out, family, made);
    out.append(input, slash);
    return true;
  };
}

Generator make_url(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
  static constexpr std::string_view kPrefix = "https://example.test/";
  static constexpr std::size_t kCode = 16;
  if (limits.max_length && *limits.max_length < kPrefix.size() + kCode) {
    throw Error(ErrorCode::config,
                fmt::format("generator \"url\" needs {} characters", kPrefix.size() + kCode))
        .at(spec.place);
  }
  const std::size_t room = limits.max_length.value_or(2000) - kPrefix.size();
  return [key, limits, room, permutation = KeyedPermutation(key, "url")](std::string_view input,
                                                                         const MaskRow&) {
    const std::string folded = limits.fold_case ? lower_case(input) : std::string(input);
    const std::string code = long_code(permutation.permute_bytes(packed_text(folded)));
    return std::string(kPrefix) +
           (code.size() <= room ? code : short_code(key.digest("url", folded), kCode));
  };
}

namespace {

// A date as PostgreSQL writes it, alone or before a time: any year, also before Christ.
class CalendarDate {
 public:
  static std::optional<CalendarDate> parse(std::string_view text) {
    CalendarDate out;
    constexpr std::string_view kBeforeChrist = " BC";
    const bool before_christ = text.ends_with(kBeforeChrist);
    if (before_christ) text.remove_suffix(kBeforeChrist.size());
    std::int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    const char* end = text.data() + text.size();
    const char* at = std::from_chars(text.data(), end, year).ptr;
    if (at < end) at = std::from_chars(at + 1, end, month).ptr;
    if (at < end) at = std::from_chars(at + 1, end, day).ptr;
    if (before_christ) year = 1 - year;
    // The calendar repeats itself; what there is of it here is narrower than PostgreSQL's.
    std::int64_t of_cycle = (year - kFirstYear) % kCycle;
    if (of_cycle < 0) of_cycle += kCycle;
    out.cycles_ = year - kFirstYear - of_cycle;
    const std::chrono::year_month_day date{
        std::chrono::year(static_cast<int>(kFirstYear + of_cycle)), std::chrono::month(month),
        std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    out.date_ = date;
    out.time_.assign(at, end);
    return out;
  }

  // Away from the ends of what PostgreSQL can hold, where there is no room.
  void move(int days) {
    const bool first = year() < kFirstToMoveBack;
    const bool last = year() > kLastToMoveForth;
    if (first || last) days = first ? std::abs(days) : -std::abs(days);
    date_ = std::chrono::sys_days(date_) + std::chrono::days(days);
  }

  std::string text() const {
    const bool before_christ = year() < 1;
    std::string out;
    append_padded(out, static_cast<unsigned>(before_christ ? 1 - year() : year()), 4);
    out.push_back('-');
    append_padded(out, static_cast<unsigned>(date_.month()), 2);
    out.push_back('-');
    append_padded(out, static_cast<unsigned>(date_.day()), 2);
    return out + time_ + (before_christ ? " BC" : "");
  }

 private:
  static constexpr std::int64_t kCycle = 400;
  static constexpr std::int64_t kFirstYear = 2000;
  // Years 4713 before Christ and 294276 after are the ends of timestamps.
  static constexpr std::int64_t kFirstToMoveBack = -4600;
  static constexpr std::int64_t kLastToMoveForth = 294100;

  std::int64_t year() const { return static_cast<int>(date_.year()) + cycles_; }

  std::chrono::year_month_day date_;
  std::int64_t cycles_ = 0;  // years
  std::string time_;         // what follows the date
};

}  // namespace

Generator make_date_shift(const GeneratorSpec& spec, const PseudonymKey& key,
                          const ValueLimits& limits) {
  const int days = days_option(spec);
  const auto by = column_option(spec, "by", limits);
  const Generator moved_by_days = [key, days, by, place = spec.place, limits](
                                      std::string_view input,
                                      const MaskRow& row) -> std::optional<std::string> {
    if (input == "infinity" || input == "-infinity") return std::string(input);
    auto date = CalendarDate::parse(input);
    if (!date) {
      throw Error(ErrorCode::check,
                  fmt::format("{} holds text that is no date, for date_shift", limits.column))
          .at(place)
          .hint("use \"text\", \"fixed\" or \"null\" for it");
    }
    // One person's dates move alike, and so do all dates that must stay different.
    std::string_view person = limits.unique ? std::string_view() : input;
    if (by && *by < row.values.size()) person = row.values[*by].value_or(std::string_view());
    Choices choices(key.digest("date_shift", person));
    const int shift = 1 + static_cast<int>(choices.below(static_cast<std::uint32_t>(days)));
    const bool earlier = choices.below(2) == 0;
    date->move(earlier ? -shift : shift);
    return date->text();
  };
  return by ? moved_by_days : remembering(moved_by_days);
}

namespace {

// A number times 1 + part, with as many decimals as it has; `part` is made of the input.
template <class Part>
Generator number_generator(const GeneratorSpec& spec, const ValueLimits& limits, Part part) {
  return [part, place = spec.place, column = limits.column](
             std::string_view input, const MaskRow&) -> std::optional<std::string> {
    double value = 0;
    const auto [end, error] = std::from_chars(input.data(), input.data() + input.size(), value);
    const std::size_t point = std::min(input.find('.'), input.size());
    const std::size_t decimals = point == input.size() ? 0 : input.size() - point - 1;
    constexpr std::size_t kExactDigits = 15;
    if (error != std::errc() || end != input.data() + input.size() ||
        input.size() > kExactDigits + 2 || input.find_first_of("eE") != std::string_view::npos) {
      if (input == "NaN" || input.ends_with("Infinity")) return std::string(input);
      throw Error(
          ErrorCode::check,
          fmt::format("{} holds a number of more than 15 digits, or text that is none", column))
          .at(place)
          .hint("use \"text\", \"fixed\" or \"null\" for this column");
    }
    std::string out = fmt::format("{:.{}f}", value * (1 + part(input)), decimals);
    if (out.starts_with('-') && out.find_first_not_of("-0.") == std::string::npos) out.erase(0, 1);
    return out;
  };
}

double signed_part(const Digest& digest, int percent) {
  constexpr std::uint32_t kSteps = 1U << 20U;
  const double drawn = Choices(digest).below(kSteps + 1);
  return (2 * drawn / kSteps - 1) * percent / 100;
}

}  // namespace

Generator make_noise(const GeneratorSpec& spec, const PseudonymKey& key,
                     const ValueLimits& limits) {
  return number_generator(spec, limits,
                          [key, percent = percent_option(spec)](std::string_view input) {
                            return signed_part(key.digest("noise", input), percent);
                          });
}

Generator make_scale(const GeneratorSpec& spec, const PseudonymKey& key,
                     const ValueLimits& limits) {
  // One factor for all, not below 1 where numbers must stay different after rounding.
  double part = signed_part(key.digest("scale", ""), percent_option(spec));
  if (limits.unique && part < 0) part = -part;
  return number_generator(spec, limits, [part](std::string_view) { return part; });
}

Generator make_bytes(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits& limits) {
  if (limits.unique) {
    return [permutation = KeyedPermutation(key, "bytes")](std::string_view input, const MaskRow&) {
      if (input.size() <= 2) return std::string(input);
      const std::vector<std::uint8_t> bytes = from_hex(input.substr(2));
      const std::string permuted =
          permutation.permute_bytes(std::string(bytes.begin(), bytes.end()));
      return "\\x" +
             to_hex({reinterpret_cast<const std::uint8_t*>(permuted.data()), permuted.size()});
    };
  }
  return [key](std::string_view input, const MaskRow&) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    Choices choices(key.digest("bytes", input));
    std::string out = "\\x";
    for (std::size_t i = 2; i < input.size(); ++i) out.push_back(kDigits[choices.below(16)]);
    return out;
  };
}

Generator make_password(const GeneratorSpec& spec, const PseudonymKey& key,
                        const ValueLimits& limits) {
  constexpr std::uint64_t kCost = 1024;
  constexpr std::uint64_t kBlockSize = 8;
  constexpr std::uint64_t kParallel = 1;
  const std::string password = password_option(spec);
  const Digest salt_source = key.digest("password salt", password);
  const std::span salt = std::span(salt_source).first(16);
  Digest hash{};
  if (EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(), kCost, kBlockSize,
                     kParallel, 0, hash.data(), hash.size()) != 1) {
    throw Error(ErrorCode::internal, "libcrypto failed in scrypt");
  }
  const std::string text = fmt::format("scrypt:{}:{}:{}:{}:{}", kCost, kBlockSize, kParallel,
                                       to_hex(salt), to_hex(hash));
  if (limits.max_length && text.size() > *limits.max_length) {
    throw Error(ErrorCode::config,
                fmt::format("generator \"password\" needs {} characters", text.size()))
        .at(spec.place);
  }
  return [text](std::string_view, const MaskRow&) { return text; };
}

}  // namespace pgcycle::anonymize
