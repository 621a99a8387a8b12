// Numbers as bytes in an order that does not depend on the machine.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pgcycle {

// A number whose bytes in memory are those of `value`, the lowest first, and back.
constexpr std::uint64_t little_endian(std::uint64_t value) {
  return std::endian::native == std::endian::little ? value : __builtin_bswap64(value);
}
// The highest first.
constexpr std::uint64_t big_endian(std::uint64_t value) {
  return std::endian::native == std::endian::big ? value : __builtin_bswap64(value);
}

// The eight bytes from `at` on, as they stand in memory.
inline std::uint64_t load_word(const void* at) {
  std::uint64_t out = 0;
  std::memcpy(&out, at, sizeof out);
  return out;
}

// The lowest `kBytes` bytes of a number, the lowest first.
template <std::size_t kBytes>
void store_little_endian(void* at, std::uint64_t value) {
  static_assert(kBytes <= sizeof value);
  value = little_endian(value);
  std::memcpy(at, &value, kBytes);
}

// The lowest `kBytes` bytes of a number, the highest first.
template <std::size_t kBytes>
void store_big_endian(void* at, std::uint64_t value) {
  static_assert(kBytes > 0 && kBytes <= sizeof value);
  value = big_endian(value << (8 * (sizeof value - kBytes)));
  std::memcpy(at, &value, kBytes);
}

}  // namespace pgcycle
