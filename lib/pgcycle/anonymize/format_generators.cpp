#include "pgcycle/anonymize/format_generators.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <charconv>
#include <chrono>

namespace pgcycle::anonymize {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Replaces the digits from `start` on by a permutation of themselves.
std::string permute_digits_from(const PseudonymKey& key, std::string_view kind,
                                std::string_view input, std::size_t start) {
  std::string digits;
  for (std::size_t i = start; i < input.size(); ++i) {
    if (is_digit(input[i])) digits.push_back(input[i]);
  }
  // The part that stays belongs to the kind: two countries never share a walk.
  const std::string changed =
      key.permute_digits(fmt::format("{} {}", kind, input.substr(0, start)), digits);
  std::string out(input);
  std::size_t next = 0;
  for (std::size_t i = start; i < out.size(); ++i) {
    if (is_digit(out[i])) out[i] = changed[next++];
  }
  return out;
}

// Remainder by 97 of a string in which letters count as two digits (A = 10).
int modulo_97(std::string_view text) {
  int remainder = 0;
  for (const char c : text) {
    if (is_digit(c)) {
      remainder = (remainder * 10 + (c - '0')) % 97;
    } else {
      remainder = (remainder * 100 + ((c | 0x20) - 'a' + 10)) % 97;
    }
  }
  return remainder;
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ') out.push_back(c);
  }
  return out;
}

bool looks_like_iban(std::string_view compact) {
  if (compact.size() < 8) return false;
  for (const char c : compact) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter && !is_digit(c)) return false;
  }
  return !is_digit(compact[0]) && !is_digit(compact[1]) && is_digit(compact[2]) &&
         is_digit(compact[3]);
}

}  // namespace

Generator make_phone(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input) {
    // "+351 912 345 678": the country code stays.
    std::size_t start = 0;
    if (input.starts_with('+')) {
      start = 1;
      while (start < input.size() && start < 4 && is_digit(input[start])) ++start;
    }
    std::string out = permute_digits_from(key, "phone", input, start);
    Choices choices(key.digest("phone letters", input));
    for (char& c : out) {  // vanity numbers, and notes beside the number
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (letter || static_cast<unsigned char>(c) >= 0x80) {
        c = static_cast<char>('a' + choices.below(26));
      }
    }
    return out;
  };
}

Generator make_iban(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input) {
    const std::string compact = without_spaces(input);
    if (!looks_like_iban(compact)) return permute_digits_from(key, "iban", input, 0);
    const std::string account = permute_digits_from(key, "iban " + compact.substr(0, 2),
                                                    std::string_view(compact).substr(4), 0);
    const int check = 98 - modulo_97(account + compact.substr(0, 2) + "00");
    const std::string changed = fmt::format("{}{:02}{}", compact.substr(0, 2), check, account);
    std::string out(input);
    std::size_t next = 0;
    for (char& c : out) {
      if (c != ' ') c = changed[next++];
    }
    return out;
  };
}

Generator make_ip(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input) {
    const std::size_t slash = std::min(input.find('/'), input.size());
    const std::string_view mask = input.substr(slash);
    const Digest digest = key.digest("ip", input.substr(0, slash));
    if (input.find(':') == std::string_view::npos) {
      if (!mask.empty()) return fmt::format("10.{}.0.0/16", digest[0]);
      return fmt::format("10.{}.{}.{}", digest[0], digest[1], 1 + digest[2] % 254);
    }
    if (!mask.empty()) return fmt::format("2001:db8:{:x}::/48", digest[0] * 256 + digest[1]);
    return fmt::format("2001:db8:{:x}:{:x}::{:x}", digest[0] * 256 + digest[1],
                       digest[2] * 256 + digest[3], 1 + digest[4]);
  };
}

Generator make_url(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
  static constexpr std::string_view kPrefix = "https://example.test/";
  static constexpr std::size_t kCode = 13;
  if (limits.max_length && *limits.max_length < kPrefix.size() + kCode) {
    throw Error(ErrorCode::config,
                fmt::format("generator \"url\" needs {} characters", kPrefix.size() + kCode))
        .at(spec.place);
  }
  return [key](std::string_view input) {
    return std::string(kPrefix) + short_code(key.digest("url", input), kCode);
  };
}

Generator make_date_shift(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits&) {
  const int days = days_option(spec);
  return [key, days](std::string_view input) -> std::optional<std::string> {
    if (input == "infinity" || input == "-infinity") return std::string(input);
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    const char* end = input.data() + input.size();
    const char* at = std::from_chars(input.data(), end, year).ptr;
    if (at < end) at = std::from_chars(at + 1, end, month).ptr;
    if (at < end) at = std::from_chars(at + 1, end, day).ptr;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    const std::string_view rest(at, static_cast<std::size_t>(end - at));
    if (!date.ok() || rest.ends_with("BC")) {
      throw Error(ErrorCode::check, "date_shift met a value that is not a date after Christ")
          .hint("use \"null\" or \"fixed\" for this column");
    }
    Choices choices(key.digest("date_shift", input));
    int shift = 1 + static_cast<int>(choices.below(static_cast<std::uint32_t>(days)));
    if (choices.below(2) == 0) shift = -shift;
    const std::chrono::year_month_day moved{std::chrono::sys_days(date) + std::chrono::days(shift)};
    return fmt::format("{:04}-{:02}-{:02}{}", static_cast<int>(moved.year()),
                       static_cast<unsigned>(moved.month()), static_cast<unsigned>(moved.day()),
                       rest);
  };
}

Generator make_bytes(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input) {
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
  return [text](std::string_view) { return text; };
}

}  // namespace pgcycle::anonymize
