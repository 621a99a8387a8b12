// Invented material that pseudonyms are rendered with.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace pgcycle::anonymize {

enum class Script { latin, han, arabic, cyrillic };

// The script of most letters in UTF-8 text; latin where none is known.
Script script_of(std::string_view text);

// Languages that pseudonyms in Latin letters can be of, beside the script of the original.
enum class Locale { en, de, fr, es, pt };

std::optional<Locale> find_locale(std::string_view name);
std::span<const std::string_view> locale_names();

enum class Gender { unknown, feminine, masculine };

// What the first of a name's words is known to be in use for.
Gender gender_of(std::string_view name);

struct NameLists {
  std::span<const std::string_view> feminine, masculine, last;
};

// `locale` counts for Latin letters only.
const NameLists& names(Script script, Locale locale);

std::span<const std::string_view> street_names(Locale locale);
// How streets are written: {} stands for one of the names.
std::span<const std::string_view> street_kinds(Locale locale);
bool number_comes_first(Locale locale);  // before the street
std::span<const std::string_view> city_names(Locale locale);
std::span<const std::string_view> company_words();
std::span<const std::string_view> company_forms(Locale locale);

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
