#include "pgcycle/postgres/copy_binary.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <chrono>

#include "pgcycle/support/byte_order.hpp"

namespace pgcycle::postgres {

namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::int64_t kSecond = 1'000'000;  // in microseconds, as times are counted
constexpr std::size_t kLongestNumeric = 400;
constexpr std::size_t kNumericGroup = 4;  // decimal digits
constexpr sys_days kEpoch{std::chrono::year{2000} / 1 / 1};

template <typename Integer>
void append_integer(std::string& out, Integer value) {
  char bytes[sizeof value];
  store_big_endian<sizeof value>(bytes, static_cast<std::uint64_t>(value));
  out.append(bytes, sizeof bytes);
}

template <typename Integer>
void append_field(std::string& out, Integer value) {
  append_integer(out, static_cast<std::int32_t>(sizeof value));
  append_integer(out, value);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_number_start(std::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return !text.empty() && is_digit(text[0]);
}

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number value{};
  if (!is_number_start(text)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename Integer>
bool append_parsed(std::string& out, std::string_view text) {
  const auto value = number_in<Integer>(text);
  if (value) append_field(out, *value);
  return value.has_value();
}

// Digits in groups of four on both sides of the point, without zeros at the ends.
bool append_numeric(std::string& out, std::string_view text) {
  if (!is_number_start(text) || text.size() > kLongestNumeric) return false;
  const bool negative = text[0] == '-';
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == text.size() ? std::string_view() : text.substr(point + 1);
  if (point + 1 == text.size()) return false;
  for (const std::string_view part : {whole, fraction}) {
    for (const char c : part) {
      if (!is_digit(c)) return false;
    }
  }
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  std::array<std::int16_t, kLongestNumeric / kNumericGroup + 2> groups{};
  std::size_t count = 0;
  const std::size_t first = whole.size() % kNumericGroup;
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = at == 0 && first > 0 ? first : at + kNumericGroup;
    int group = 0;
    for (; at < end; ++at) group = group * 10 + (whole[at] - '0');
    groups[count++] = static_cast<std::int16_t>(group);
  }
  auto weight = static_cast<std::int16_t>(static_cast<int>(count) - 1);
  for (std::size_t at = 0; at < fraction.size();) {
    int group = 0;
    for (std::size_t i = 0; i < kNumericGroup; ++i, ++at) {
      group = group * 10 + (at < fraction.size() ? fraction[at] - '0' : 0);
    }
    groups[count++] = static_cast<std::int16_t>(group);
  }
  std::size_t start = 0;
  while (start < count && groups[start] == 0) ++start;
  while (count > start && groups[count - 1] == 0) --count;
  const std::size_t kept = count - start;
  weight =
      kept == 0 ? std::int16_t{0} : static_cast<std::int16_t>(weight - static_cast<int>(start));
  constexpr std::uint16_t kNegative = 0x4000;
  append_integer(out, static_cast<std::int32_t>(8 + 2 * kept));
  append_integer(out, static_cast<std::int16_t>(kept));
  append_integer(out, weight);
  append_integer(out, negative && kept > 0 ? kNegative : std::uint16_t{0});
  append_integer(out, static_cast<std::uint16_t>(fraction.size()));
  for (std::size_t i = start; i < count; ++i) append_integer(out, groups[i]);
  return true;
}

int nibble_of(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Whether all of them are hexadecimal digits; appends what they say.
bool append_hex(std::string& out, std::string_view digits) {
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = nibble_of(digits[i]);
    const int low = nibble_of(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return true;
}

bool append_bytea(std::string& out, std::string_view text) {
  if (!text.starts_with("\\x")) return false;
  text.remove_prefix(2);
  append_integer(out, static_cast<std::int32_t>(text.size() / 2));
  return append_hex(out, text);
}

bool append_uuid(std::string& out, std::string_view text) {
  constexpr std::size_t kLength = 36;
  if (text.size() != kLength) return false;
  append_integer(out, std::int32_t{16});
  std::size_t at = 0;
  for (const std::size_t digits : {8, 4, 4, 4, 12}) {
    if (at > 0 && text[at++] != '-') return false;
    if (!append_hex(out, text.substr(at, digits))) return false;
    at += digits;
  }
  return true;
}

// Reads a date or time from its front.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Just so many digits, no greater than `most`.
  std::optional<int> number(std::size_t digits, int most) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(text_[i])) return std::nullopt;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value <= most ? std::optional(value) : std::nullopt;
  }
  // 2026-11-23, as days since 2000.
  std::optional<std::int32_t> date() {
    const auto year = number(4, 9999);
    if (!year || *year == 0 || !take('-')) return std::nullopt;
    const auto month = number(2, 12);
    if (!month || !take('-')) return std::nullopt;
    const auto day = number(2, 31);
    if (!day) return std::nullopt;
    const year_month_day date{std::chrono::year{*year},
                              std::chrono::month{static_cast<unsigned>(*month)},
                              std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return static_cast<std::int32_t>((sys_days{date} - kEpoch).count());
  }
  // 12:34:56.789, in microseconds.
  std::optional<std::int64_t> time() {
    const auto hour = number(2, 23);
    if (!hour || !take(':')) return std::nullopt;
    const auto minute = number(2, 59);
    if (!minute || !take(':')) return std::nullopt;
    const auto second = number(2, 59);
    if (!second) return std::nullopt;
    std::int64_t fraction = 0;
    if (take('.')) {
      std::size_t digits = 0;
      while (digits < text_.size() && is_digit(text_[digits])) ++digits;
      if (digits == 0 || digits > 6) return std::nullopt;
      fraction = *number(digits, 999'999);
      for (; digits < 6; ++digits) fraction *= 10;
    }
    return ((std::int64_t{*hour} * 60 + *minute) * 60 + *second) * kSecond + fraction;
  }
  // 2026-11-23 12:34:56.789, in microseconds since 2000.
  std::optional<std::int64_t> date_and_time() {
    const auto days = date();
    if (!days || !take(' ')) return std::nullopt;
    const auto clock = time();
    if (!clock) return std::nullopt;
    return *days * (86'400 * kSecond) + *clock;
  }
  // +01, +05:30, in microseconds.
  std::optional<std::int64_t> zone() {
    const bool west = take('-');
    if (!west && !take('+')) return std::nullopt;
    const auto hours = number(2, 15);
    if (!hours) return std::nullopt;
    std::int64_t seconds = std::int64_t{*hours} * 3600;
    for (const int unit : {60, 1}) {
      if (!take(':')) break;
      const auto more = number(2, 59);
      if (!more) return std::nullopt;
      seconds += std::int64_t{*more} * unit;
    }
    return (west ? -seconds : seconds) * kSecond;
  }

 private:
  std::string_view text_;
};

bool append_time(std::string& out, BinaryForm form, std::string_view text) {
  TimeReader reader(text);
  if (form == BinaryForm::date) {
    const auto days = reader.date();
    if (!days || !reader.at_end()) return false;
    append_field(out, *days);
    return true;
  }
  auto value = form == BinaryForm::time ? reader.time() : reader.date_and_time();
  if (!value) return false;
  if (form == BinaryForm::timestamptz) {
    const auto zone = reader.zone();
    if (!zone) return false;
    *value -= *zone;
  }
  if (!reader.at_end()) return false;
  append_field(out, *value);
  return true;
}

bool append_value(std::string& out, BinaryForm form, std::string_view text) {
  switch (form) {
    case BinaryForm::boolean:
      if (text != "true" && text != "false" && text != "t" && text != "f") return false;
      append_field(out, static_cast<std::uint8_t>(text[0] == 't'));
      return true;
    case BinaryForm::int2:
      return append_parsed<std::int16_t>(out, text);
    case BinaryForm::int4:
      return append_parsed<std::int32_t>(out, text);
    case BinaryForm::int8:
      return append_parsed<std::int64_t>(out, text);
    case BinaryForm::float4: {
      const auto value = number_in<float>(text);
      if (value) append_field(out, std::bit_cast<std::uint32_t>(*value));
      return value.has_value();
    }
    case BinaryForm::float8: {
      const auto value = number_in<double>(text);
      if (value) append_field(out, std::bit_cast<std::uint64_t>(*value));
      return value.has_value();
    }
    case BinaryForm::numeric:
      return append_numeric(out, text);
    case BinaryForm::text:
      append_integer(out, static_cast<std::int32_t>(text.size()));
      out.append(text);
      return true;
    case BinaryForm::jsonb:
      append_integer(out, static_cast<std::int32_t>(text.size() + 1));
      out.push_back('\1');  // the version
      out.append(text);
      return true;
    case BinaryForm::bytea:
      return append_bytea(out, text);
    case BinaryForm::uuid:
      return append_uuid(out, text);
    case BinaryForm::date:
    case BinaryForm::time:
    case BinaryForm::timestamp:
    case BinaryForm::timestamptz:
      return append_time(out, form, text);
  }
  return false;
}

}  // namespace

std::optional<BinaryForm> binary_form(std::uint32_t type) {
  switch (type) {
    case 16:
      return BinaryForm::boolean;
    case 17:
      return BinaryForm::bytea;
    case 20:
      return BinaryForm::int8;
    case 21:
      return BinaryForm::int2;
    case 23:
      return BinaryForm::int4;
    case 25:    // text
    case 114:   // json
    case 1042:  // char(n)
    case 1043:  // varchar
      return BinaryForm::text;
    case 700:
      return BinaryForm::float4;
    case 701:
      return BinaryForm::float8;
    case 1082:
      return BinaryForm::date;
    case 1083:
      return BinaryForm::time;
    case 1114:
      return BinaryForm::timestamp;
    case 1184:
      return BinaryForm::timestamptz;
    case 1700:
      return BinaryForm::numeric;
    case 2950:
      return BinaryForm::uuid;
    case 3802:
      return BinaryForm::jsonb;
    default:
      return std::nullopt;
  }
}

void append_binary_header(std::string& out) {
  constexpr std::string_view kSignature("PGCOPY\n\377\r\n\0", 11);
  out.append(kSignature);
  append_integer(out, std::int32_t{0});  // flags
  append_integer(out, std::int32_t{0});  // length of an extension
}

void append_binary_row(std::string& out, std::size_t fields) {
  append_integer(out, static_cast<std::int16_t>(fields));
}

void append_binary_null(std::string& out) { append_integer(out, std::int32_t{-1}); }

bool append_binary_field(std::string& out, BinaryForm form, std::string_view text) {
  const std::size_t before = out.size();
  if (append_value(out, form, text)) return true;
  out.resize(before);
  return false;
}

void append_binary_trailer(std::string& out) { append_integer(out, std::int16_t{-1}); }

}  // namespace pgcycle::postgres
