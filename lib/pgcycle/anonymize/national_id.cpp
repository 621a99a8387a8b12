#include "pgcycle/anonymize/national_id.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include "pgcycle/anonymize/format_generators.hpp"
#include "pgcycle/anonymize/permutation.hpp"
#include "pgcycle/anonymize/text_shape.hpp"

namespace pgcycle::anonymize {

namespace {

// A number without its separators, as upper-case letters and digits.
using Number = std::string;

int digit(char c) { return c - '0'; }
char digit_char(int value) { return static_cast<char>('0' + value); }

int value_of(std::string_view digits) {
  int out = 0;
  for (const char c : digits) out = out * 10 + digit(c);
  return out;
}

// The sum of the first digits, each times its weight; the weights go from `first` down by one.
int falling_sum(std::string_view number, std::size_t count, int first) {
  int sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += digit(number[i]) * (first - static_cast<int>(i));
  return sum;
}

int modulo(std::string_view digits, int divisor) {
  int remainder = 0;
  for (const char c : digits) remainder = (remainder * 10 + digit(c)) % divisor;
  return remainder;
}

void put_two(Number& number, std::size_t at, int value) {
  number[at] = digit_char(value / 10);
  number[at + 1] = digit_char(value % 10);
}

bool is_day(std::string_view digits) { return value_of(digits) >= 1 && value_of(digits) <= 31; }
bool is_month(std::string_view digits) { return value_of(digits) >= 1 && value_of(digits) <= 12; }

// Each `complete_` puts the check digits in and tells whether the rest makes a number.

bool complete_belgian(Number& number) {
  put_two(number, 9, 97 - modulo(number.substr(0, 9), 97));
  return is_month(number.substr(2, 2)) && is_day(number.substr(4, 2));
}

bool complete_belgian_since_2000(Number& number) {
  put_two(number, 9, 97 - modulo("2" + number.substr(0, 9), 97));
  return is_month(number.substr(2, 2)) && is_day(number.substr(4, 2));
}

bool complete_brazilian(Number& number) {
  number[9] = digit_char(falling_sum(number, 9, 10) * 10 % 11 % 10);
  number[10] = digit_char(falling_sum(number, 10, 11) * 10 % 11 % 10);
  return number.find_first_not_of(number[0]) != std::string::npos;
}

bool complete_french(Number& number) {
  put_two(number, 13, 97 - modulo(number.substr(0, 13), 97));
  return (number[0] == '1' || number[0] == '2') && is_month(number.substr(3, 2));
}

// ISO/IEC 7064, MOD 11,10.
bool complete_german(Number& number) {
  int product = 10;
  for (std::size_t i = 0; i < 10; ++i) {
    const int sum = (digit(number[i]) + product) % 10;
    product = 2 * (sum == 0 ? 10 : sum) % 11;
  }
  number[10] = digit_char((11 - product) % 10);
  return number[0] != '0';
}

bool complete_italian(Number& number) {
  constexpr std::array<int, 26> kOdd{1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                     20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  int sum = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    const bool letter = number[i] >= 'A';
    const int value = letter ? number[i] - 'A' : digit(number[i]);
    sum += i % 2 == 0 ? kOdd[static_cast<std::size_t>(value)] : value;
  }
  number[15] = static_cast<char>('A' + sum % 26);
  const int day = value_of(number.substr(9, 2));  // 40 more for women
  return std::string_view("ABCDEHLMPRST").find(number[8]) != std::string_view::npos &&
         day % 40 >= 1 && day % 40 <= 31 && day <= 71;
}

bool complete_dutch(Number& number) {
  const int check = falling_sum(number, 8, 9) % 11;
  number[8] = digit_char(check % 10);
  return check < 10;
}

bool complete_polish(Number& number) {
  constexpr std::array<int, 4> kWeights{1, 3, 7, 9};
  int sum = 0;
  for (std::size_t i = 0; i < 10; ++i) sum += digit(number[i]) * kWeights[i % 4];
  number[10] = digit_char((10 - sum % 10) % 10);
  const int month = value_of(number.substr(2, 2)) % 20;  // 20 more for each century
  return month >= 1 && month <= 12 && is_day(number.substr(4, 2));
}

bool complete_portuguese(Number& number) {
  const int remainder = falling_sum(number, 8, 9) % 11;
  number[8] = digit_char(remainder < 2 ? 0 : 11 - remainder);
  return number[0] != '0' && number[0] != '4';
}

constexpr std::string_view kSpanishLetters = "TRWAGMYFPDXBNJZSQVHLCKE";

bool complete_spanish(Number& number) {
  number[8] = kSpanishLetters[static_cast<std::size_t>(modulo(number.substr(0, 8), 23))];
  return true;
}

bool complete_spanish_foreigner(Number& number) {
  if (number[0] < 'X' || number[0] > 'Z') return false;
  const std::string digits = std::string(1, digit_char(number[0] - 'X')) + number.substr(1, 7);
  number[8] = kSpanishLetters[static_cast<std::size_t>(modulo(digits, 23))];
  return true;
}

bool complete_swedish(Number& number) {
  number[9] = luhn_digit(number.substr(0, 9));
  return is_month(number.substr(2, 2)) && is_day(number.substr(4, 2));
}

bool complete_swedish_of_twelve(Number& number) {
  number[11] = luhn_digit(number.substr(2, 9));
  return (number.starts_with("19") || number.starts_with("20")) && is_month(number.substr(4, 2)) &&
         is_day(number.substr(6, 2));
}

bool complete_american(Number& number) {
  const int area = value_of(number.substr(0, 3));
  return area != 0 && area != 666 && area < 900 && number.substr(3, 2) != "00" &&
         number.substr(5) != "0000";
}

// What stands at a place of a number.
enum Place : char {
  kDigit = '9',
  kLetter = 'A',
  kKeptDigit = 'd',
  kKeptLetter = 'a',
  kCheckDigit = 'c',
  kCheckLetter = 'C'
};

struct Form {
  std::string_view country;
  std::string_view places;
  bool (*complete)(Number& number);
  bool strict = false;        // not one number in fifty of that length is one
  bool with_hyphens = false;  // needed, since nothing else tells it from any number
};

// The strictest first.
constexpr std::array<Form, 14> kForms{{{"it", "AAAAAA99A99A999C", complete_italian, true},
                                       {"fr", "d999999999999cc", complete_french, true},
                                       {"se", "dd999999999c", complete_swedish_of_twelve, true},
                                       {"pl", "9999999999c", complete_polish, true},
                                       {"be", "999999999cc", complete_belgian, true},
                                       {"be", "999999999cc", complete_belgian_since_2000, true},
                                       {"br", "999999999cc", complete_brazilian, true},
                                       {"de", "9999999999c", complete_german},
                                       {"se", "999999999c", complete_swedish},
                                       {"es", "99999999C", complete_spanish, true},
                                       {"es", "a9999999C", complete_spanish_foreigner, true},
                                       {"pt", "d9999999c", complete_portuguese},
                                       {"nl", "99999999c", complete_dutch},
                                       {"us", "999999999", complete_american, true, true}}};

bool is_separator(char c) { return c == ' ' || c == '-' || c == '.' || c == '/' || c == '+'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Number number_in(std::string_view text) {
  Number out;
  for (const char c : text) {
    if (!is_separator(c)) out.push_back(is_lower(c) ? static_cast<char>(c - 0x20) : c);
  }
  return out;
}

bool has_places_of(const Form& form, const Number& number) {
  if (number.size() != form.places.size()) return false;
  for (std::size_t i = 0; i < number.size(); ++i) {
    const char place = form.places[i];
    const bool letter = place == kLetter || place == kKeptLetter || place == kCheckLetter;
    if (letter ? number[i] < 'A' || number[i] > 'Z' : !is_digit(number[i])) return false;
  }
  return true;
}

const Form* form_of(std::string_view text) {
  const Number number = number_in(text);
  for (const Form& form : kForms) {
    if (!has_places_of(form, number)) continue;
    if (form.with_hyphens && (text.size() != 11 || text[3] != '-' || text[6] != '-')) continue;
    Number completed = number;
    if (form.complete(completed) && completed == number) return &form;
  }
  return nullptr;
}

// `number` with the separators and the case of `text`.
std::string in_shape_of(std::string_view text, const Number& number) {
  std::string out(text);
  std::size_t next = 0;
  for (char& c : out) {
    if (is_separator(c)) continue;
    const char written = number[next++];
    c = is_lower(c) ? static_cast<char>(written + 0x20) : written;
  }
  return out;
}

std::string permute_national_id(const KeyedPermutation& permutation, const Form& form,
                                std::string_view input) {
  Number number = number_in(input);
  std::string permuted;
  for (std::size_t i = 0; i < number.size(); ++i) {
    if (form.places[i] == kDigit || form.places[i] == kLetter) permuted.push_back(number[i]);
  }
  std::string out;
  do {  // walks until the rest makes a number of the same form again
    permuted = permute_letters_and_digits(permutation, permuted);
    std::size_t next = 0;
    for (std::size_t i = 0; i < number.size(); ++i) {
      if (form.places[i] == kDigit || form.places[i] == kLetter) number[i] = permuted[next++];
    }
    out = form.complete(number) ? in_shape_of(input, number) : std::string();
  } while (out.empty() || form_of(out) != &form);
  return out;
}

}  // namespace

std::string_view country_of_national_id(std::string_view text) {
  const Form* form = form_of(text);
  return form == nullptr ? std::string_view() : form->country;
}

bool is_strict_national_id(std::string_view text) {
  const Form* form = form_of(text);
  return form != nullptr && form->strict;
}

Generator make_national_id(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return
      [permutation = KeyedPermutation(key, "national_id"),
       others = KeyedPermutation(key, "no national_id")](std::string_view input, const MaskRow&) {
        if (const Form* form = form_of(input))
          return permute_national_id(permutation, *form, input);
        return permute_others(others, input,
                              [](std::string_view text) { return form_of(text) != nullptr; });
      };
}

}  // namespace pgcycle::anonymize
