#include "pgcycle/anonymize/detector.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/format_generators.hpp"
#include "pgcycle/anonymize/national_id.hpp"
#include "pgcycle/anonymize/packed_text.hpp"

namespace pgcycle::anonymize {

namespace {

struct KindRow {
  PersonalKind kind;
  std::string_view name;
  std::string_view words;
  std::string_view rule;
  bool certain;
};

constexpr std::array<KindRow, 13> kKinds{{
    {PersonalKind::email, "email", "an e-mail address", "email", true},
    {PersonalKind::phone, "phone", "a phone number", "phone", false},
    {PersonalKind::iban, "iban", "an IBAN", "iban", true},
    {PersonalKind::card, "card", "a card number", "card", true},
    {PersonalKind::national_id, "national_id", "a national id", "national_id", false},
    {PersonalKind::ip, "ip", "an IP address", "ip", false},
    {PersonalKind::url, "url", "a link", "url", false},
    {PersonalKind::uuid, "uuid", "a UUID", "uuid", false},
    {PersonalKind::person_name, "person_name", "a person's name", "person_name", false},
    {PersonalKind::street_address, "street_address", "a postal address", "street_address", false},
    {PersonalKind::date, "date", "a date", "date_shift", false},
    {PersonalKind::secret, "secret", "a key or token", "hash", false},
    {PersonalKind::free_text, "free_text", "free text", "scrub", false},
}};

const KindRow& row_of(PersonalKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

struct NameHint {
  std::string_view part;  // of the lower-case name
  std::string_view rule;
};

constexpr std::array kNameHints{
    NameHint{"email", "email"},
    NameHint{"e_mail", "email"},
    NameHint{"e-mail", "email"},
    NameHint{"phone", "phone"},
    NameHint{"mobile", "phone"},
    NameHint{"telefon", "phone"},
    NameHint{"fax", "phone"},
    NameHint{"first_name", "first_name"},
    NameHint{"firstname", "first_name"},
    NameHint{"given", "first_name"},
    NameHint{"vorname", "first_name"},
    NameHint{"last_name", "last_name"},
    NameHint{"lastname", "last_name"},
    NameHint{"surname", "last_name"},
    NameHint{"nachname", "last_name"},
    NameHint{"username", "username"},
    NameHint{"login", "username"},
    NameHint{"password", "password"},
    NameHint{"passwd", "password"},
    NameHint{"iban", "iban"},
    NameHint{"card_number", "card"},
    NameHint{"credit_card", "card"},
    NameHint{"card_no", "card"},
    NameHint{"account", "text"},
    NameHint{"ssn", "national_id"},
    NameHint{"passport", "national_id"},
    NameHint{"tax_id", "national_id"},
    NameHint{"national", "national_id"},
    NameHint{"street", "street_address"},
    NameHint{"address", "street_address"},
    NameHint{"city", "city"},
    NameHint{"town", "city"},
    NameHint{"postcode", "postcode"},
    NameHint{"postal", "postcode"},
    NameHint{"zip", "postcode"},
    NameHint{"company", "company"},
    NameHint{"url", "url"},
    NameHint{"link", "url"},
    NameHint{"website", "url"},
    NameHint{"token", "hash"},
    NameHint{"secret", "hash"},
    NameHint{"api_key", "hash"},
    NameHint{"name", "person_name"},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_host_char(char c) {
  return (is_letter(c) && static_cast<unsigned char>(c) < 0x80) || is_digit(c) || c == '-' ||
         c == '.';
}
bool is_local_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+/=?^_`{|}~-.";
  return is_letter(c) || is_digit(c) || kOthers.find(c) != std::string_view::npos;
}

// Names that RFC 2606 and RFC 6761 reserve belong to nobody.
bool is_reserved_host(std::string_view host) {
  for (const std::string_view end : {"example.com", "example.org", "example.net", ".example",
                                     ".test", ".invalid", ".localhost"}) {
    if (host.ends_with(end)) return true;
  }
  return false;
}

// The address around the @ at `at`: where it starts and ends, or nothing.
bool find_email(std::string_view text, bool& whole) {
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    std::size_t start = at;
    while (start > 0 && is_local_char(text[start - 1])) --start;
    std::size_t end = at + 1;
    while (end < text.size() && is_host_char(text[end])) ++end;
    while (end > at + 1 && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
    const std::string_view host = text.substr(at + 1, end - at - 1);
    const std::size_t dot = host.rfind('.');
    if (start == at || dot == std::string_view::npos || dot == 0 || host.size() - dot < 3 ||
        is_digit(host.back()) || is_reserved_host(lower_case(host))) {
      continue;
    }
    whole = start == 0 && end == text.size();
    return true;
  }
  return false;
}

// Runs of digits and what may stand between them; a letter ends one.
template <class Found>
void each_number(std::string_view text, Found&& found) {
  for (std::size_t i = 0; i < text.size();) {
    const bool starts = is_digit(text[i]) || ((text[i] == '+' || text[i] == '(') &&
                                              i + 1 < text.size() && is_digit(text[i + 1]));
    if (!starts || (i > 0 && (is_letter(text[i - 1]) || text[i - 1] == '_'))) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    std::size_t last = i;
    while (end < text.size() && (is_digit(text[end]) || std::string_view(" -./()").find(
                                                            text[end]) != std::string_view::npos)) {
      if (is_digit(text[end])) last = end;
      ++end;
    }
    if (last + 1 == text.size() || !is_letter(text[last + 1])) {
      found(text.substr(i, last + 1 - i), i == 0 && last + 1 == text.size());
    }
    i = end;
  }
}

bool is_known_card(std::string_view digits) {
  const int two = (digits[0] - '0') * 10 + (digits[1] - '0');
  const int four = two * 100 + (digits[2] - '0') * 10 + (digits[3] - '0');
  switch (digits.size()) {
    case 13:
    case 19:
      return digits[0] == '4';
    case 14:
      return two == 36 || two == 38;
    case 15:
      return two == 34 || two == 37;
    case 16:
      return digits[0] == '4' || (two >= 51 && two <= 55) || (four >= 2221 && four <= 2720) ||
             four == 6011 || two == 65 || two == 35;
    default:
      return false;
  }
}

class Detector {
 public:
  explicit Detector(std::string_view text) : text_(text) {}

  std::vector<Detection> run() {
    bool whole = false;
    if (find_email(text_, whole)) add(PersonalKind::email, whole);
    numbers();
    tokens();
    if (text_.find("://") != std::string_view::npos || text_.starts_with("www.")) {
      add(PersonalKind::url, text_.find(' ') == std::string_view::npos);
    }
    words();
    return std::move(found_);
  }

 private:
  void add(PersonalKind kind, bool whole) {
    for (Detection& detection : found_) {
      if (detection.kind != kind) continue;
      detection.whole = detection.whole || whole;
      return;
    }
    found_.push_back({kind, whole});
  }

  void numbers() {
    each_number(text_, [this](std::string_view number, bool whole) {
      std::string digits;
      for (const char c : number) {
        if (is_digit(c)) digits.push_back(c);
      }
      const bool separated = digits.size() != number.size();
      if (digits.size() >= 13 && is_known_card(digits) && is_card_number(digits)) {
        return add(PersonalKind::card, whole);
      }
      if (number.size() == 11 && number[3] == '-' && number[6] == '-') {
        return add(PersonalKind::national_id, whole);  // as in the United States
      }
      if (number.size() == 10 && number[4] == '-' && number[7] == '-') {
        return add(PersonalKind::date, whole);
      }
      const bool dots_only = number.find_first_not_of("0123456789.") == std::string_view::npos;
      if (digits.size() >= 8 && digits.size() <= 15 &&
          (number.front() == '+' || (separated && !dots_only && number.front() == '0') ||
           number.front() == '(')) {
        add(PersonalKind::phone, whole);
      }
    });
  }

  // What stands between spaces: account numbers, network addresses, UUIDs, keys.
  void tokens() {
    for (std::size_t start = 0; start < text_.size();) {
      const std::size_t end =
          std::min(text_.find_first_of(" \t\r\n,;\"'<>()[]{}", start), text_.size());
      const std::string_view token = text_.substr(start, end - start);
      const bool whole = token.size() == text_.size();
      start = end + 1;
      if (token.size() >= 15 && is_iban(token)) add(PersonalKind::iban, whole);
      if (is_strict_national_id(token)) add(PersonalKind::national_id, whole);
      if (token.size() >= 7 && token.size() <= 45) network_address(token, whole);
      if (token.size() == 36 && token[8] == '-' && token[13] == '-' &&
          token.find_first_not_of("0123456789abcdefABCDEF-") == std::string_view::npos) {
        add(PersonalKind::uuid, whole);
      } else if (token.size() >= 20 && is_random(token)) {
        add(PersonalKind::secret, whole);
      }
    }
    spaced_iban();
  }

  // "DE89 3704 0044 0532 0130 00"
  void spaced_iban() {
    for (std::size_t i = 0; i + 15 < text_.size(); ++i) {
      const bool starts = is_letter(text_[i]) && is_letter(text_[i + 1]) &&
                          is_digit(text_[i + 2]) && is_digit(text_[i + 3]) && text_[i + 4] == ' ' &&
                          (i == 0 || !is_letter(text_[i - 1]));
      if (!starts) continue;
      std::string plain;
      for (std::size_t k = i; k < text_.size() && plain.size() < 34; ++k) {
        if (text_[k] == ' ') continue;
        if (!is_letter(text_[k]) && !is_digit(text_[k])) break;
        plain.push_back(text_[k]);
        if (plain.size() >= 15 && is_iban(plain)) return add(PersonalKind::iban, i == 0);
      }
    }
  }

  void network_address(std::string_view token, bool whole) {
    const std::string address(token.substr(0, token.find('/')));
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ||
        (std::count(address.begin(), address.end(), ':') >= 3 &&
         inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1)) {
      add(PersonalKind::ip, whole);
    }
  }

  // Shannon's entropy over the characters, of a token that mixes letters and digits.
  static bool is_random(std::string_view token) {
    constexpr double kLeastBits = 3.5;
    std::array<int, 256> counts{};
    bool letters = false;
    bool digits = false;
    for (const char c : token) {
      letters = letters || is_letter(c);
      digits = digits || is_digit(c);
      ++counts[static_cast<unsigned char>(c)];
      if (c == '/' || c == ':' || c == '@') return false;
    }
    if (!letters || !digits) return false;
    double bits = 0;
    for (const int count : counts) {
      if (count == 0) continue;
      const double part = count / static_cast<double>(token.size());
      bits -= part * std::log2(part);
    }
    return bits >= kLeastBits;
  }

  void words() {
    std::size_t count = 0;
    std::size_t names = 0;
    std::size_t capitals = 0;
    bool street = false;
    bool digits = false;
    for (std::size_t i = 0; i < text_.size();) {
      if (!is_letter(text_[i])) {
        digits = digits || is_digit(text_[i]);
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < text_.size() && is_letter(text_[end])) ++end;
      const std::string_view word = text_.substr(i, end - i);
      const std::string lower = lower_case(word);
      ++count;
      if (lower[0] != word[0] || static_cast<unsigned char>(word[0]) >= 0x80) ++capitals;
      if (is_first_name(lower)) ++names;
      street = street || is_street_word(lower);
      i = end;
    }
    constexpr std::size_t kProse = 6;
    if (street && digits && count <= kProse + 2) add(PersonalKind::street_address, true);
    if (names > 0 && count >= 1 && count <= 4 && capitals == count && !digits) {
      add(PersonalKind::person_name, true);
    }
    if (count >= kProse) add(PersonalKind::free_text, true);
  }

  std::string_view text_;
  std::vector<Detection> found_;
};

}  // namespace

std::string_view name_of(PersonalKind kind) { return row_of(kind).name; }
std::string_view describe(PersonalKind kind) { return row_of(kind).words; }
std::string_view rule_for(PersonalKind kind) { return row_of(kind).rule; }
bool is_certain(PersonalKind kind) { return row_of(kind).certain; }

std::vector<Detection> detect_in_text(std::string_view text) { return Detector(text).run(); }

bool holds_certain(std::string_view text, const std::set<std::string>& allowed) {
  bool whole = false;
  if (text.size() < 6) return false;
  if (!allowed.contains("email") && find_email(text, whole)) return true;
  std::size_t digits = 0;
  for (const char c : text) digits += is_digit(c) ? 1 : 0;
  if (digits < 10) return false;  // of an IBAN and a card number
  const std::vector<Detection> found = detect_in_text(text);
  return std::any_of(found.begin(), found.end(), [&allowed](const Detection& detection) {
    return is_certain(detection.kind) && !allowed.contains(std::string(name_of(detection.kind)));
  });
}

std::string_view rule_by_name(std::string_view name) {
  const std::string lower = lower_case(name);
  if (lower == "ip" || lower.starts_with("ip_") || lower.ends_with("_ip") ||
      lower.find("_ip_") != std::string::npos) {
    return "ip";
  }
  for (const NameHint& hint : kNameHints) {
    if (lower.find(hint.part) != std::string::npos) return hint.rule;
  }
  return {};
}

}  // namespace pgcycle::anonymize
