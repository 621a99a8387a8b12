// Keyed pseudonyms: every generated value is a function of (key, kind, input).
//
// The same input of the same kind gives the same output in every table, run and
// machine; without the key nothing can be computed back or recomputed. The
// primitive is HMAC-SHA-256 from libcrypto.
//
// Digits are replaced by a permutation of all strings of as many digits: a
// Feistel network with cycle walking (Black and Rogaway, "Ciphers with Arbitrary
// Finite Domains", 2002), so that different inputs never meet.
//
// Thread rule: immutable, shared by threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/support/hash.hpp"

namespace pgcycle::anonymize {

class PseudonymKey {
 public:
  // Takes 64 hex digits. Throws Error{config} on any other length or character;
  // the message never repeats the key.
  static PseudonymKey from_hex(std::string_view hex);

  // 32 bytes that depend on key, kind and input alone.
  Digest digest(std::string_view kind, std::string_view input) const;
  // Replaces a string of decimal digits by another one of the same length;
  // distinct inputs of one length have distinct outputs.
  std::string permute_digits(std::string_view kind, std::string_view digits) const;

 private:
  explicit PseudonymKey(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t permute(std::string_view kind, std::uint64_t value, std::uint64_t size) const;
  std::vector<std::uint8_t> bytes_;
};

// Draws choices out of a digest, hashing it on when it is used up.
class Choices {
 public:
  explicit Choices(const Digest& digest) : block_(digest) {}
  // A number below `bound`, which is at most 2^32.
  std::uint32_t below(std::uint32_t bound);
  template <class List>
  const auto& pick(const List& list) {
    return list[below(static_cast<std::uint32_t>(std::size(list)))];
  }

 private:
  Digest block_;
  std::size_t used_ = 0;
};

// Lower-case base32 without look-alikes (5 bits a letter), `length` at most 51.
std::string short_code(const Digest& digest, std::size_t length);

}  // namespace pgcycle::anonymize
