#include "pgcycle/anonymize/permutation.hpp"

#include <fmt/format.h>
#include <nettle/aes.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "pgcycle/support/byte_order.hpp"

namespace pgcycle::anonymize {

namespace {

constexpr std::size_t kMaxBlockDigits = 18;  // 10^18 fits 64 bits with room for the walk
constexpr std::size_t kMaxHalfDigits = 14;   // below KeyedPermutation::kLargestHalf
constexpr unsigned kRoundsOfSmall = 10;      // domains, which say more by each pair
constexpr unsigned kRoundsOfLarge = 6;
constexpr std::uint64_t kLarge = std::uint64_t{1} << 32U;
constexpr unsigned kByteRounds = 6;
constexpr std::uint64_t kByteValues = 256;

// What the first byte of a block says it is for, so that no two uses meet.
enum class Use : std::uint8_t {
  number = 0,
  short_half = 32,
  long_half = 64,
  tweak = 96,
  halves = 98
};

std::uint8_t label(Use use, unsigned round) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(use) + round);
}

std::uint64_t word(const KeyedPermutation::Block& block) {
  return little_endian(load_word(block.data()));
}

KeyedPermutation::Half number_of(std::string_view digits) {
  KeyedPermutation::Half out{0, 1};
  for (const char c : digits) {
    out.value = out.value * 10 + static_cast<unsigned>(c - '0');
    out.size *= 10;
  }
  return out;
}

void append_digits(std::string& out, std::uint64_t value, std::size_t count) {
  const fmt::format_int text(value);
  out.append(count - text.size(), '0').append(text.data(), text.size());
}

// 64 bits as a number below `size`, which is at most 2^48: as good as even, and no division.
std::uint64_t scaled(std::uint64_t bits, std::uint64_t size) {
  __extension__ using Product = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Product>(bits) * size) >> 64U);
}

// The two factors of a domain that holds `size` numbers.
struct Factors {
  std::uint64_t a;
  std::uint64_t b;
};

Factors factors_of(std::uint64_t size) {
  auto a = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(size)));
  while (a * a < size) ++a;
  return {a, (size + a - 1) / a};
}

}  // namespace

struct KeyedPermutation::Cipher {
  aes128_ctx context;
};

KeyedPermutation::KeyedPermutation(const PseudonymKey& key, std::string_view kind) {
  auto cipher = std::make_shared<Cipher>();
  aes128_set_encrypt_key(&cipher->context, key.digest("permutation", kind).data());
  cipher_ = std::move(cipher);
}

KeyedPermutation::Block KeyedPermutation::permute_block(const Block& block) const {
  Block out;
  aes128_encrypt(&cipher_->context, out.size(), out.data(), block.data());
  return out;
}

std::uint64_t KeyedPermutation::permute(std::uint64_t value, std::uint64_t size,
                                        std::uint32_t tweak) const {
  if (size < 2) return value;
  const Factors factors = factors_of(size);
  const unsigned rounds = size < kLarge ? kRoundsOfSmall : kRoundsOfLarge;  // even either way
  Block block{};
  store_little_endian<3>(block.data() + 1, tweak);
  store_little_endian<8>(block.data() + 4, size);
  do {
    std::uint64_t left = value % factors.a;
    std::uint64_t right = value / factors.a;
    for (unsigned round = 0; round < rounds; ++round) {
      block[0] = label(Use::number, round);
      store_little_endian<4>(block.data() + 12, right);
      const std::uint64_t factor = round % 2 == 0 ? factors.a : factors.b;
      const std::uint64_t next = left + scaled(word(permute_block(block)), factor);
      left = right;
      right = next < factor ? next : next - factor;
    }
    value = factors.a * right + left;
  } while (value >= size);
  return value;
}

void KeyedPermutation::permute_halves(Half& left, Half& right, std::uint32_t tweak) const {
  Block block{};
  store_little_endian<3>(block.data() + 1, tweak);
  for (unsigned round = 0; round < kRoundsOfLarge; ++round) {
    Half& target = round % 2 == 0 ? left : right;
    const Half& source = round % 2 == 0 ? right : left;
    block[0] = label(Use::halves, round);
    store_little_endian<6>(block.data() + 4, source.value);
    store_little_endian<6>(block.data() + 10, target.size);
    target.value += scaled(word(permute_block(block)), target.size);
    if (target.value >= target.size) target.value -= target.size;
  }
}

std::uint32_t KeyedPermutation::tweak_of(std::string_view text) const {
  if (text.size() <= 3) {
    std::uint32_t out = 0;
    for (const char c : text) out = (out << 8U) | static_cast<unsigned char>(c);
    return out;
  }
  const Block mixed = mix(label(Use::tweak, 1), label(Use::tweak, 0), text);
  return static_cast<std::uint32_t>(word(mixed) & 0xffffffU);
}

std::string KeyedPermutation::permute_digits(std::string_view digits,
                                             std::string_view context) const {
  std::string out;
  append_permuted_digits(out, digits, context);
  return out;
}

void KeyedPermutation::append_permuted_digits(std::string& out, std::string_view digits,
                                              std::string_view context) const {
  // Blocks are chained so that equal blocks of one number do not show; the chaining reads
  // what stays and outputs only, so the whole stays a permutation.
  const std::size_t start = out.size();
  std::uint32_t tweak = tweak_of(context);
  while (!digits.empty()) {
    if (digits.size() > kMaxBlockDigits) {
      const std::size_t half = std::min(digits.size() / 2, kMaxHalfDigits);
      const std::size_t rest = std::min(digits.size() - half, kMaxHalfDigits);
      Half left = number_of(digits.substr(0, half));
      Half right = number_of(digits.substr(half, rest));
      permute_halves(left, right, tweak);
      append_digits(out, left.value, half);
      append_digits(out, right.value, rest);
      digits.remove_prefix(half + rest);
    } else {
      const Half block = number_of(digits);
      append_digits(out, permute(block.value, block.size, tweak), digits.size());
      digits = {};
    }
    if (!digits.empty()) tweak = tweak_of(std::string_view(out).substr(start));
  }
}

// 16 bytes that depend on the label and the text: one block, or a chain of them.
KeyedPermutation::Block KeyedPermutation::mix(std::uint8_t short_label, std::uint8_t long_label,
                                              std::string_view text) const {
  Block block{};
  if (text.size() <= block.size() - 2) {
    block[0] = short_label;
    block[1] = static_cast<std::uint8_t>(text.size());
    std::memcpy(block.data() + 2, text.data(), text.size());
    return permute_block(block);
  }
  block[0] = long_label;
  store_little_endian<8>(block.data() + 1, text.size());
  block = permute_block(block);
  for (std::size_t start = 0; start < text.size(); start += block.size()) {
    const std::string_view part = text.substr(start, block.size());
    for (std::size_t i = 0; i < part.size(); ++i) block[i] ^= static_cast<std::uint8_t>(part[i]);
    block = permute_block(block);
  }
  return block;
}

std::string KeyedPermutation::permute_bytes(std::string bytes) const {
  if (bytes.size() == 1) {
    bytes[0] = static_cast<char>(permute(static_cast<unsigned char>(bytes[0]), kByteValues, 1));
    return bytes;
  }
  const std::size_t middle = bytes.size() / 2;
  for (unsigned round = 0; round < kByteRounds; ++round) {
    const bool changes_left = round % 2 == 0;
    char* const target = bytes.data() + (changes_left ? 0 : middle);
    const std::size_t length = changes_left ? middle : bytes.size() - middle;
    const std::string_view source = changes_left ? std::string_view(bytes).substr(middle)
                                                 : std::string_view(bytes).substr(0, middle);
    Block mixed = mix(label(Use::short_half, round), label(Use::long_half, round), source);
    for (std::size_t start = 0; start < length; start += mixed.size()) {
      if (start > 0) mixed = permute_block(mixed);
      const std::size_t end = std::min(length - start, mixed.size());
      for (std::size_t i = 0; i < end; ++i) {
        target[start + i] =
            static_cast<char>(static_cast<std::uint8_t>(target[start + i]) ^ mixed[i]);
      }
    }
  }
  return bytes;
}

}  // namespace pgcycle::anonymize
