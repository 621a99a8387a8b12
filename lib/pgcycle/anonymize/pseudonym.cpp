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
  for (std::size_t at = start; at < out.size(); ++at) {
    const std::size_t byte = first_bit / 8;
    const unsigned next = byte + 1 < bytes.size() ? static_cast<unsigned char>(bytes[byte + 1]) : 0;
    const unsigned both =
        (static_cast<unsigned>(static_cast<unsigned char>(bytes[byte])) << 8U) | next;
    out[at] = kCodeLetters[(both >> (11 - first_bit % 8)) & 31U];
    first_bit += 5;
  }
}

}  // namespace pgcycle::anonymize
