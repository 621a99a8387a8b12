// Replacing text by text of the same length and shape, and scrubbing free text.
#pragma once

#include <string>
#include <string_view>

#include "pgcycle/anonymize/pseudonym.hpp"

namespace pgcycle::anonymize {

// Letters become letters of the same case and script, digits digits; spaces
// and punctuation stay. The number of characters is kept.
std::string replace_letters_and_digits(const PseudonymKey& key, std::string_view kind,
                                       std::string_view input);

// Free text: common words, spaces and punctuation stay; everything else (names,
// addresses, e-mail, phone and account numbers, links, any digit) is replaced
// by text of the same shape.
std::string scrub_text(const PseudonymKey& key, std::string_view input);

}  // namespace pgcycle::anonymize
