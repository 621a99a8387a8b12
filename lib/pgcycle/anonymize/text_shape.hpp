// Replacing text by text of the same length and shape, and scrubbing free text.
#pragma once

#include <string>
#include <string_view>

#include "pgcycle/anonymize/permutation.hpp"
#include "pgcycle/anonymize/pseudonym.hpp"

namespace pgcycle::anonymize {

// Letters become letters of the same case and script, digits digits; spaces
// and punctuation stay. The number of characters is kept.
std::string replace_letters_and_digits(const PseudonymKey& key, std::string_view kind,
                                       std::string_view input);

// The same as a permutation: distinct inputs have distinct outputs. Throws Error{check} for
// letters of a script that it does not know.
std::string permute_letters_and_digits(const KeyedPermutation& permutation, std::string_view input);

// The same for text that is no number of some kind: it stays none, so that it never meets the
// pseudonym of one.
std::string permute_others(const KeyedPermutation& permutation, std::string_view input,
                           bool (*is_of_the_kind)(std::string_view));

// Free text: common words, spaces and punctuation stay; everything else (names,
// addresses, e-mail, phone and account numbers, links, any digit) is replaced
// by text of the same shape.
std::string scrub_text(const PseudonymKey& key, std::string_view input);

// Letters as x, digits as 9, up to 32 characters: says what a value looks like and nothing more.
std::string shape_of(std::string_view text);

}  // namespace pgcycle::anonymize
