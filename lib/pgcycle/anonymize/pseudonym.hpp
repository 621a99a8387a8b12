// Keyed pseudonyms: every generated value is a function of (key, kind, input).
//
// The same input of the same kind gives the same output in every table, run and
// machine; without the key nothing can be computed back or recomputed. The
// primitive is HMAC-SHA-256, from libnettle.
//
// Thread rule: immutable, shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pgcycle/support/hash.hpp"

namespace pgcycle::anonymize {

class PseudonymKey {
 public:
  // Takes 64 hex digits. Throws Error{config} on any other length or character;
  // the message never repeats the key.
  static PseudonymKey from_hex(std::string_view hex);

  // 32 bytes that depend on key, kind and input alone.
  Digest digest(std::string_view kind, std::string_view input) const;

 private:
  struct Prepared;  // what HMAC makes of the key, once
  explicit PseudonymKey(std::shared_ptr<const Prepared> prepared)
      : prepared_(std::move(prepared)) {}
  std::shared_ptr<const Prepared> prepared_;
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
// All bits of `bytes` from bit `first_bit` on, in the same letters.
std::string long_code(std::string_view bytes, std::size_t first_bit = 0);

}  // namespace pgcycle::anonymize
