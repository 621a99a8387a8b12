// Digests and name-based UUIDs, on top of libnettle.
//
// Thread rule: free functions are thread-safe; a Sha256 belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle {

using Digest = std::array<std::uint8_t, 32>;

// Incremental SHA-256 (FIPS 180-4).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(std::string_view bytes);

std::string to_hex(std::span<const std::uint8_t> bytes);

// Tells whether `text` is just so many lower-case hex digits.
bool is_hex(std::string_view text, std::size_t digits);

// The bytes of a string of hex digits. Throws Error{input} on anything else.
std::vector<std::uint8_t> from_hex(std::string_view hex);

// `count` bytes from the system's secure source.
std::vector<std::uint8_t> random_bytes(std::size_t count);

// UUID version 5 (RFC 4122, section 4.3): SHA-1 of namespace and name.
// `name_space` is a UUID in text form. Throws Error{input} when it is not one.
std::string uuid5(std::string_view name_space, std::string_view name);

}  // namespace pgcycle
