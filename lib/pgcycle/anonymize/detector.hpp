// Personal data told by its form: what `pgcycle-extract scan` and the leak proof look for.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle::anonymize {

enum class PersonalKind {
  email,
  phone,
  iban,
  card,
  national_id,
  ip,
  url,
  uuid,
  person_name,
  street_address,
  date,
  secret,  // a key or token, told by its entropy
  free_text,
};

// "email" and so on, as rules name it.
std::string_view name_of(PersonalKind kind);
// "an e-mail address"
std::string_view describe(PersonalKind kind);
// The rule that a person could start from.
std::string_view rule_for(PersonalKind kind);
// Told by check digits or an unmistakable form, never by chance.
bool is_certain(PersonalKind kind);

struct Detection {
  PersonalKind kind;
  bool whole = false;  // the text is that and nothing else
};

// What the text is or has within it, each kind once.
std::vector<Detection> detect_in_text(std::string_view text);

// Tells whether the text has anything within it that is certain and not in `allowed`, which
// holds names of kinds. Much faster than to detect all.
bool holds_certain(std::string_view text, const std::set<std::string>& allowed);

// The kind that a column's or member's name stands for, such as "email_address"; else nothing.
// The rule's name, "" when nothing.
std::string_view rule_by_name(std::string_view name);

}  // namespace pgcycle::anonymize
