#include "pgcycle/anonymize/pseudonym.hpp"

#include <fmt/format.h>

#include <nettle/hmac.h>

#include <vector>

#include "pgcycle/support/error.hpp"

namespace pgcycle::anonymize {

namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::string_view kCodeLetters = "abcdefghjkmnpqrstuvwxyz023456789";
static_assert(kCodeLetters.size() == 32);

}  // namespace

struct PseudonymKey::Prepared {
  hmac_sha256_ctx context;
};

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
  auto prepared = std::make_shared<Prepared>();
  hmac_sha256_set_key(&prepared->context, bytes.size(), bytes.data());
  return PseudonymKey(std::move(prepared));
}

Digest PseudonymKey::digest(std::string_view kind, std::string_view input) const {
  hmac_sha256_ctx context = prepared_->context;
  const auto update = [&context](std::string_view bytes) {
    hmac_sha256_update(&context, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  };
  update(kind);
  update(std::string_view("\0", 1));
  update(input);
  Digest digest{};
  hmac_sha256_digest(&context, digest.size(), digest.data());
  return digest;
}

std::string short_code(const Digest& digest, std::size_t length) {
  std::string out = long_code({reinterpret_cast<const char*>(digest.data()), (length * 5 + 7) / 8});
  out.resize(length);
  return out;
}

std::string long_code(std::string_view bytes, std::size_t first_bit) {
  std::string out;
  append_long_code(out, bytes, first_bit);
  return out;
}

void append_long_code(std::string& out, std::string_view bytes, std::size_t first_bit) {
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() * 8 - first_bit + 4) / 5);
  auto next = bytes.begin() + static_cast<std::ptrdiff_t>(first_bit / 8);
  std::uint64_t bits = 0;  // of which the lowest `count` are still to be written
  unsigned count = 0;
  if (next != bytes.end()) {
    bits = static_cast<unsigned char>(*next++);
    count = 8 - static_cast<unsigned>(first_bit % 8);
  }
  for (std::size_t at = start; at < out.size(); ++at) {
    if (count < 5) {
      bits = (bits << 8U) | (next != bytes.end() ? static_cast<unsigned char>(*next++) : 0U);
      count += 8;
    }
    count -= 5;
    out[at] = kCodeLetters[(bits >> count) & 31U];
  }
}

}  // namespace pgcycle::anonymize
