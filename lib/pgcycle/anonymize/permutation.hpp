// Keyed permutations of exact domains: distinct inputs have distinct outputs, at any count.
//
// Numbers below any size: a generalised Feistel network with cycle walking (Black and Rogaway,
// "Ciphers with Arbitrary Finite Domains", 2002). Strings of bytes of any length: a Feistel
// network over both halves (Luby and Rackoff, 1988). The round function is AES-128, from
// libnettle, under a key of its own for each kind.
//
// Thread rule: immutable, shared by threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pgcycle/anonymize/pseudonym.hpp"

namespace pgcycle::anonymize {

class KeyedPermutation {
 public:
  KeyedPermutation(const PseudonymKey& key, std::string_view kind);

  // `value` is below `size`, which is at most 2^63. Another tweak is another permutation.
  std::uint64_t permute(std::uint64_t value, std::uint64_t size, std::uint32_t tweak = 0) const;
  // A number too large for one word, as two digits of sizes between 2^14 and kLargestHalf.
  struct Half {
    std::uint64_t value;
    std::uint64_t size;
  };
  static constexpr std::uint64_t kLargestHalf = std::uint64_t{1} << 48U;
  void permute_halves(Half& left, Half& right, std::uint32_t tweak) const;
  // Decimal digits, as many as there are. `context` is what stays beside them.
  std::string permute_digits(std::string_view digits, std::string_view context = {}) const;
  void append_permuted_digits(std::string& out, std::string_view digits,
                              std::string_view context = {}) const;
  // As many bytes; one or more.
  std::string permute_bytes(std::string bytes) const;

  using Block = std::array<std::uint8_t, 16>;
  Block permute_block(const Block& block) const;  // AES-128 itself
  // 24 bits of a text, for `permute`.
  std::uint32_t tweak_of(std::string_view text) const;

 private:
  struct Cipher;
  Block mix(std::uint8_t short_label, std::uint8_t long_label, std::string_view text) const;
  std::shared_ptr<const Cipher> cipher_;
};

}  // namespace pgcycle::anonymize
