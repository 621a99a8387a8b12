#include "pgcycle/support/hash.hpp"

#include <fmt/format.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pgcycle/support/error.hpp"

namespace pgcycle {

namespace {

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

struct Sha256::Context {
  sha256_ctx state{};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { sha256_init(&context_->state); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  sha256_update(&context_->state, bytes.size(), bytes_of(bytes));
}

Digest Sha256::finish() {
  Digest digest{};
  sha256_digest(&context_->state, digest.size(), digest.data());
  return digest;
}

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4U]);
    out.push_back(kDigits[byte & 15U]);
  }
  return out;
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::vector<std::uint8_t> from_hex(std::string_view hex) {
  std::vector<std::uint8_t> out;
  out.reserve(hex.size() / 2);
  if (hex.size() % 2 != 0) throw Error(ErrorCode::input, "odd number of hex digits");
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_value(hex[i]);
    const int low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0) throw Error(ErrorCode::input, "not a string of hex digits");
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::vector<std::uint8_t> out(count);
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = getrandom(out.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(ErrorCode::internal, fmt::format("getrandom failed: {}", std::strerror(errno)));
    }
    done += static_cast<std::size_t>(got);
  }
  return out;
}

std::string uuid5(std::string_view name_space, std::string_view name) {
  std::string digits(name_space);
  digits.erase(std::remove(digits.begin(), digits.end(), '-'), digits.end());
  if (digits.size() != 32) {
    throw Error(ErrorCode::input, fmt::format("'{}' is not a UUID", name_space));
  }
  const std::vector<std::uint8_t> prefix = from_hex(digits);
  std::string input(prefix.begin(), prefix.end());
  input.append(name);
  std::array<std::uint8_t, SHA1_DIGEST_SIZE> digest{};
  sha1_ctx state{};
  sha1_init(&state);
  sha1_update(&state, input.size(), bytes_of(input));
  sha1_digest(&state, digest.size(), digest.data());
  digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0fU) | 0x50U);
  digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3fU) | 0x80U);
  const std::string hex = to_hex(std::span(digest).first(16));
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20, 12));
}

}  // namespace pgcycle
