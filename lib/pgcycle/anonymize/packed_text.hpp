// Text as few bytes and back again in one direction only: distinct texts have distinct bytes.
// What a permutation of byte strings works on.
#pragma once

#include <string>
#include <string_view>

namespace pgcycle::anonymize {

// Text in lower-case letters, digits, dots, underscores and hyphens takes 5.3 bits a character.
// At least 10 bytes come out, so that short texts do not show by their length.
std::string packed_text(std::string_view text);

// The same for an e-mail address; a domain of the well-known mail hosts takes one byte.
std::string packed_email(std::string_view address);

// Letters of ASCII and of the two-byte blocks of UTF-8 in lower case.
std::string lower_case(std::string_view text);
// Whether `lower_case` would change nothing, for ASCII; false for anything else.
bool is_lower_case(std::string_view text);

}  // namespace pgcycle::anonymize
