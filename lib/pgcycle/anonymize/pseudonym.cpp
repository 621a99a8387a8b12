#include "pgcycle/anonymize/pseudonym.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "pgcycle/support/error.hpp"

namespace pgcycle::anonymize {

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kMaxBlockDigits = 18;  // 10^18 fits 64 bits with room for the walk
constexpr int kRounds = 8;

std::uint64_t first_word(const Digest& digest) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = (word << 8U) | digest[i];
  return word;
}

}  // namespace

PseudonymKey PseudonymKey::from_hex(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  try {
    bytes = pgcycle::from_hex(hex);
  } catch (const Error&) {
    bytes.clear();
  }
  if (bytes.size() != kKeyBytes) {
    throw Error(ErrorCode::config, "anonymize.key must be 64 hex digits (32 bytes)")
        .detail(fmt::format("the value given has {} characters", hex.size()))
        .hint("make one with: openssl rand -hex 32");
  }
  return PseudonymKey(std::move(bytes));
}

Digest PseudonymKey::digest(std::string_view kind, std::string_view input) const {
  std::string message(kind);
  message.push_back('\0');
  message.append(input);
  return hmac_sha256(bytes_, message);
}

std::uint64_t PseudonymKey::permute(std::string_view kind, std::uint64_t value,
                                    std::uint64_t size) const {
  if (size < 2) return value;
  const auto half_bits = static_cast<unsigned>((std::bit_width(size - 1) + 1) / 2);
  const std::uint64_t half_mask = (std::uint64_t{1} << half_bits) - 1;
  do {
    std::uint64_t left = value >> half_bits;
    std::uint64_t right = value & half_mask;
    for (int round = 0; round < kRounds; ++round) {
      const Digest mixed = digest("feistel", fmt::format("{}/{}/{}/{}", kind, size, round, right));
      const std::uint64_t next = left ^ (first_word(mixed) & half_mask);
      left = right;
      right = next;
    }
    value = (left << half_bits) | right;
  } while (value >= size);
  return value;
}

std::string PseudonymKey::permute_digits(std::string_view kind, std::string_view digits) const {
  std::string out;
  // Blocks are chained so that equal blocks of one number do not show; the
  // chaining reads outputs only, so the whole stays a permutation.
  while (!digits.empty()) {
    const std::string_view block = digits.substr(0, kMaxBlockDigits);
    digits.remove_prefix(block.size());
    std::uint64_t value = 0;
    std::from_chars(block.data(), block.data() + block.size(), value);
    std::uint64_t size = 1;
    for (std::size_t i = 0; i < block.size(); ++i) size *= 10;
    const std::string chained = out.empty() ? std::string(kind) : fmt::format("{}:{}", kind, out);
    out += fmt::format("{:0{}}", permute(chained, value, size), block.size());
  }
  return out;
}

std::uint32_t Choices::below(std::uint32_t bound) {
  if (used_ + 8 > block_.size()) {
    block_ = sha256(std::string_view(reinterpret_cast<const char*>(block_.data()), block_.size()));
    used_ = 0;
  }
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = (word << 8U) | block_[used_ + i];
  used_ += 8;
  return static_cast<std::uint32_t>(word % bound);
}

std::string short_code(const Digest& digest, std::size_t length) {
  static constexpr std::string_view kLetters = "abcdefghjkmnpqrstuvwxyz023456789";
  static_assert(kLetters.size() == 32);
  std::string out;
  unsigned buffer = 0;
  unsigned bits = 0;
  for (std::size_t byte = 0; out.size() < length && byte < digest.size(); ++byte) {
    buffer = (buffer << 8U) | digest[byte];
    bits += 8;
    while (bits >= 5 && out.size() < length) {
      out.push_back(kLetters[(buffer >> (bits - 5)) & 31U]);
      bits -= 5;
    }
    buffer &= 0xffU;
  }
  return out;
}

}  // namespace pgcycle::anonymize
