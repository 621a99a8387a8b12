// Keyed pseudonyms: every generated value is a function of (key, kind, input).
//
// The same input of the same kind gives the same output in every table, run and
// machine; without the key nothing can be computed back or recomputed. The
// primitive is HMAC-SHA-256, from libnettle.
//
// Thread rule: immutable, shared by threads.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
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

// Draws choices out of a digest, which seeds xoshiro256** (Blackman and Vigna, 2018). Whoever
// could go back from the choices would find the digest, and that says nothing without the key.
class Choices {
 public:
  explicit Choices(const Digest& digest) {
    std::memcpy(state_.data(), digest.data(), sizeof state_);
  }
  // A number below `bound`, which is at most 2^32.
  std::uint32_t below(std::uint32_t bound) {
    const std::uint64_t drawn = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return static_cast<std::uint32_t>(((drawn >> 32U) * bound) >> 32U);
  }
  template <class List>
  const auto& pick(const List& list) {
    return list[below(static_cast<std::uint32_t>(std::size(list)))];
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

// Lower-case base32 without look-alikes (5 bits a letter), `length` at most 51.
std::string short_code(const Digest& digest, std::size_t length);
// All bits of `bytes` from bit `first_bit` on, in the same letters.
std::string long_code(std::string_view bytes, std::size_t first_bit = 0);
void append_long_code(std::string& out, std::string_view bytes, std::size_t first_bit);

}  // namespace pgcycle::anonymize
