// Invented material that pseudonyms are rendered with.
#pragma once

#include <functional>
#include <span>
#include <string_view>

namespace pgcycle::anonymize {

enum class Script { latin, han, arabic, cyrillic };

// The script of most letters in UTF-8 text; latin where none is known.
Script script_of(std::string_view text);

std::span<const std::string_view> first_names(Script script);
std::span<const std::string_view> last_names(Script script);
std::span<const std::string_view> street_names();
std::span<const std::string_view> city_names();
std::span<const std::string_view> company_words();
std::span<const std::string_view> company_forms();

// Tells whether free text may keep this lower-case word: function words and
// everyday vocabulary, none of which is in use as a name.
bool is_common_word(std::string_view lower_case_word);

// Everyday words, names of countries, and what pseudonyms are made of: words that say nothing
// of anybody. In lower case.
void each_silent_word(const std::function<void(std::string_view)>& sink);

// A first name in use in some of the larger languages; a word of streets. Lower case.
bool is_first_name(std::string_view lower_case_word);
bool is_street_word(std::string_view lower_case_word);

}  // namespace pgcycle::anonymize
