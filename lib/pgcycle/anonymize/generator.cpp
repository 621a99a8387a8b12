#include "pgcycle/anonymize/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/format_generators.hpp"
#include "pgcycle/anonymize/memo.hpp"
#include "pgcycle/anonymize/national_id.hpp"
#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/anonymize/permutation.hpp"
#include "pgcycle/anonymize/text_shape.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::anonymize {

namespace {

struct TableRow {
  GeneratorTraits traits;
  GeneratorFactory make;
};

// Inputs that differ only in case are one where the column says so.
std::string_view folded(std::string_view input, const ValueLimits& limits, std::string& buffer) {
  if (!limits.fold_case) return input;
  buffer = lower_case(input);
  return buffer;
}

std::string truncate(std::string text, const ValueLimits& limits) {
  if (!limits.max_length || count_code_points(text) <= *limits.max_length) return text;
  std::size_t end = 0;
  for (std::size_t count = 0; count < *limits.max_length; ++count) next_code_point(text, end);
  text.resize(end);
  return text;
}

const std::string* text_option(const GeneratorSpec& spec, const std::string& name) {
  const auto found = spec.options.find(name);
  return found == spec.options.end() ? nullptr : &found->second.text;
}

int integer_option(const GeneratorSpec& spec, const std::string& name, int fallback) {
  const auto found = spec.options.find(name);
  if (found == spec.options.end()) return fallback;
  int value = 0;
  const std::string& text = found->second.text;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) {
    throw Error(ErrorCode::config, fmt::format("\"{}\" must be a whole number above 0", name))
        .at(found->second.place);
  }
  return value;
}

Locale locale_option(const GeneratorSpec& spec) {
  const std::string* name = text_option(spec, "locale");
  if (name == nullptr) return Locale::en;
  if (const auto locale = find_locale(*name)) return *locale;
  throw Error(ErrorCode::config, fmt::format("there is no locale \"{}\"", *name))
      .at(spec.options.at("locale").place)
      .hint(fmt::format("the locales are {}", fmt::join(locale_names(), ", ")));
}

// Words that render a person, drawn from one digest.
struct PersonWords {
  Script script;
  std::string_view first;
  std::string_view last;
};

// The original's script is kept, and what its first name is known to be in use for.
PersonWords draw_person(const Digest& digest, std::string_view original, Locale locale) {
  Choices choices(digest);
  const Script script = script_of(original);
  const NameLists& lists = names(script, locale);
  const Gender gender = gender_of(original);
  const std::span feminine = gender == Gender::masculine ? lists.feminine.first(0) : lists.feminine;
  const std::span masculine =
      gender == Gender::feminine ? lists.masculine.first(0) : lists.masculine;
  const std::size_t first =
      choices.below(static_cast<std::uint32_t>(feminine.size() + masculine.size()));
  return {script, first < feminine.size() ? feminine[first] : masculine[first - feminine.size()],
          choices.pick(lists.last)};
}

// A pseudonym never equals the original: the next draw is taken instead.
template <class Draw>
std::string draw_other_than(const PseudonymKey& key, std::string_view kind, std::string_view input,
                            Draw&& draw) {
  std::string out = draw(key.digest(kind, input));
  for (int attempt = 1; out == input && attempt <= 8; ++attempt) {
    out = draw(key.digest(fmt::format("{}#{}", kind, attempt), input));
  }
  return out;
}

Generator make_keep(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&) {
  return [](std::string_view input, const MaskRow&) { return std::string(input); };
}

Generator make_null(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&) {
  return [](std::string_view, const MaskRow&) { return std::nullopt; };
}

Generator make_fixed(const GeneratorSpec& spec, const PseudonymKey&, const ValueLimits&) {
  const std::string* value = text_option(spec, "value");
  if (value == nullptr) {
    throw Error(ErrorCode::config, "generator \"fixed\" needs a \"value\"").at(spec.place);
  }
  return [text = *value](std::string_view, const MaskRow&) { return text; };
}

// `draw` makes words out of a digest and the input. On a column that must stay unique, a
// code follows that no two inputs share.
template <class Draw>
Generator word_generator(const GeneratorSpec& spec, const PseudonymKey& key,
                         const ValueLimits& limits, Draw draw) {
  if (!limits.unique) {
    return remembering([key, limits, draw, kind = spec.name](std::string_view input,
                                                             const MaskRow&) {
      std::string buffer;
      const std::string_view original = folded(input, limits, buffer);
      return truncate(draw_other_than(key, kind, original,
                                      [&](const Digest& digest) { return draw(digest, original); }),
                      limits);
    });
  }
  const KeyedPermutation permutation(key, spec.name);
  return [key, limits, draw, permutation, spec](std::string_view input, const MaskRow&) {
    std::string buffer;
    const std::string_view original = folded(input, limits, buffer);
    const std::string code = long_code(permutation.permute_bytes(packed_text(original)));
    std::string words = draw(key.digest(spec.name, original), original) + " ";
    if (limits.max_length && count_code_points(words) + code.size() > *limits.max_length) {
      words.clear();
    }
    if (limits.max_length && code.size() > *limits.max_length) {
      throw Error(ErrorCode::check, fmt::format("{} is unique, and too narrow for what "
                                                "\"{}\" makes of one of its values",
                                                limits.column, spec.name))
          .at(spec.place)
          .hint("use \"text\" or \"hash\" for this column");
    }
    return words + code;
  };
}

Generator make_person_name(const GeneratorSpec& spec, const PseudonymKey& key,
                           const ValueLimits& limits) {
  return word_generator(
      spec, key, limits,
      [locale = locale_option(spec)](const Digest& digest, std::string_view original) {
        const PersonWords words = draw_person(digest, original, locale);
        return words.script == Script::han ? fmt::format("{}{}", words.last, words.first)
                                           : fmt::format("{} {}", words.first, words.last);
      });
}

Generator make_first_name(const GeneratorSpec& spec, const PseudonymKey& key,
                          const ValueLimits& limits) {
  return word_generator(
      spec, key, limits,
      [locale = locale_option(spec)](const Digest& digest, std::string_view original) {
        return std::string(draw_person(digest, original, locale).first);
      });
}

Generator make_last_name(const GeneratorSpec& spec, const PseudonymKey& key,
                         const ValueLimits& limits) {
  return word_generator(
      spec, key, limits,
      [locale = locale_option(spec)](const Digest& digest, std::string_view original) {
        return std::string(Choices(digest).pick(names(script_of(original), locale).last));
      });
}

Generator make_city(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
  return word_generator(
      spec, key, limits,
      [cities = city_names(locale_option(spec))](const Digest& digest, std::string_view) {
        return std::string(Choices(digest).pick(cities));
      });
}

Generator make_company(const GeneratorSpec& spec, const PseudonymKey& key,
                       const ValueLimits& limits) {
  return word_generator(
      spec, key, limits,
      [forms = company_forms(locale_option(spec))](const Digest& digest, std::string_view) {
        Choices choices(digest);
        const std::string_view first = choices.pick(company_words());
        const std::string_view second = choices.pick(company_words());
        return fmt::format("{} {} {}", first, second, choices.pick(forms));
      });
}

Generator make_street_address(const GeneratorSpec& spec, const PseudonymKey& key,
                              const ValueLimits& limits) {
  return word_generator(
      spec, key, limits, [locale = locale_option(spec)](const Digest& digest, std::string_view) {
        Choices choices(digest);
        const std::uint32_t number = 1 + choices.below(180);
        const std::string_view name = choices.pick(street_names(locale));
        const std::string_view kind = choices.pick(street_kinds(locale));
        const std::string street = kind.starts_with("{}") && !kind.starts_with("{} ")
                                       ? fmt::format("{}{}", name, kind.substr(2))
                                       : fmt::format(fmt::runtime(kind), name);
        return number_comes_first(locale) ? fmt::format("{} {}", number, street)
                                          : fmt::format("{} {}", street, number);
      });
}

// Throws where a column is too narrow for `needed` characters.
void require_room(const GeneratorSpec& spec, const ValueLimits& limits, std::size_t needed) {
  if (!limits.max_length || *limits.max_length >= needed) return;
  throw Error(ErrorCode::config,
              fmt::format("generator \"{}\" needs {} characters, the column holds {}", spec.name,
                          needed, *limits.max_length))
      .at(spec.place)
      .hint("use \"hash\", \"text\", \"fixed\" or \"null\" for this column");
}

constexpr unsigned kNameBits = 6;       // of a permuted text, that choose a name
constexpr std::size_t kLeastCode = 16;  // 80 bits
constexpr std::string_view kMailDomain = "@example.test";

// The letters of an input that are in upper case, as a code; empty where none is.
std::string case_code(std::string_view input, std::string_view lower) {
  std::string bits;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (i % 8 == 0) bits.push_back(0);
    if (input[i] != lower[i]) bits.back() = static_cast<char>(bits.back() | (1 << (i % 8)));
  }
  while (!bits.empty() && bits.back() == 0) bits.pop_back();
  return bits.empty() ? bits : long_code(bits);
}

std::vector<std::string> lower_case_of(std::span<const std::string_view> words) {
  std::vector<std::string> out;
  for (const std::string_view word : words) out.push_back(lower_case(word));
  return out;
}

// Appends name words and a code that together hold every bit of `permuted`, as far as there is
// room.
void append_words_and_code(std::string& out, const std::string& permuted, bool both_names,
                           std::size_t room) {
  const std::size_t first = static_cast<unsigned char>(permuted[0]) >> 2U;
  const std::size_t last = ((static_cast<unsigned char>(permuted[0]) & 3U) << 4U) |
                           (static_cast<unsigned char>(permuted[1]) >> 4U);
  static const NameLists& lists = names(Script::latin, Locale::en);
  static const std::vector<std::string> first_names = lower_case_of(lists.feminine);
  static const std::vector<std::string> last_names = lower_case_of(lists.last);
  const std::size_t start = out.size();
  out.append(first_names[first]).push_back('.');
  if (both_names) out.append(last_names[last]).push_back('.');
  append_long_code(out, permuted, both_names ? 2 * kNameBits : kNameBits);
  if (out.size() - start <= room) return;
  out.resize(start);
  append_long_code(out, permuted, 0);
}

// "Ana Duarte" → "ana.duarte"; empty for what is not of Latin letters.
std::string local_part_of(std::string_view name) {
  std::string out;
  for (const char c : lower_case(name)) {
    if (c >= 'a' && c <= 'z') {
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return {};
    } else if (!out.empty() && out.back() != '.') {
      out.push_back('.');
    }
  }
  return out;
}

// The locale, for a generator inside another.
std::map<std::string, JsonValue> options_of(const GeneratorSpec& outer, const std::string& inner) {
  std::map<std::string, JsonValue> out;
  const auto locale = outer.options.find("locale");
  if (locale != outer.options.end() && takes_option(inner, "locale")) out.insert(*locale);
  return out;
}

// Where the row's name stands, for addresses that go with it.
struct NameColumns {
  struct Source {
    std::size_t column;
    Generator generator;  // that of names, so that both show the same pseudonym
  };
  std::vector<Source> sources;

  NameColumns(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
    for (const auto& [option, kind] : {std::pair{"name", "person_name"},
                                       {"first_name", "first_name"},
                                       {"last_name", "last_name"}}) {
      const auto column = column_option(spec, option, limits);
      if (!column) continue;
      sources.push_back(
          {*column, make_generator({kind, options_of(spec, kind), spec.place}, key, {})});
    }
  }

  std::string words(const MaskRow& row) const {
    std::string out;
    for (const Source& source : sources) {
      if (source.column >= row.values.size()) return {};
      const auto& value = row.values[source.column];
      const std::string part =
          value && !value->empty() ? local_part_of(*source.generator(*value, row)) : std::string();
      if (!part.empty()) out += part + ".";
    }
    return out;
  }
};

Generator make_username(const GeneratorSpec& spec, const PseudonymKey& key,
                        const ValueLimits& limits) {
  require_room(spec, limits, kLeastCode);
  const KeyedPermutation permutation(key, "username");
  const std::size_t room = limits.max_length.value_or(64);
  return [key, limits, permutation, room](std::string_view input, const MaskRow&) {
    std::string buffer;
    const std::string_view original = folded(input, limits, buffer);
    std::string code;
    append_words_and_code(code, permutation.permute_bytes(packed_text(original)), false, room);
    if (code.size() > room) return short_code(key.digest("username", original), kLeastCode);
    return code;
  };
}

Generator make_email(const GeneratorSpec& spec, const PseudonymKey& key,
                     const ValueLimits& limits) {
  require_room(spec, limits, kLeastCode + kMailDomain.size());
  const NameColumns names(spec, key, limits);
  const KeyedPermutation permutation(key, "email");
  const std::size_t room = limits.max_length.value_or(254) - kMailDomain.size();
  return [key, limits, names, permutation, room](std::string_view input, const MaskRow& row,
                                                 std::string& out) {
    std::string buffer;
    const std::string_view lower = is_lower_case(input) ? input : buffer = lower_case(input);
    const std::string permuted = permutation.permute_bytes(packed_email(lower));
    const std::size_t start = out.size();
    if (!names.sources.empty()) out += names.words(row);
    if (out.size() == start) {
      append_words_and_code(out, permuted, true, room);
    } else {
      append_long_code(out, permuted, 0);
    }
    // The same person, and yet another text.
    if (!limits.fold_case && input != lower) out.append("+").append(case_code(input, lower));
    if (out.size() - start > room) {
      out.replace(start, std::string::npos, short_code(key.digest("email", input), kLeastCode));
    }
    out += kMailDomain;
    return true;
  };
}

Generator make_text(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
  if (!limits.unique) {
    return remembering([key, limits, kind = spec.name](std::string_view input, const MaskRow&) {
      std::string buffer;
      return replace_letters_and_digits(key, kind, folded(input, limits, buffer));
    });
  }
  return [permutation = KeyedPermutation(key, spec.name), limits](std::string_view input,
                                                                  const MaskRow&) {
    std::string buffer;
    return permute_letters_and_digits(permutation, folded(input, limits, buffer));
  };
}

Generator make_scrub(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input, const MaskRow&) { return scrub_text(key, input); };
}

Generator make_hash(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
  constexpr std::size_t kShortest = 13;
  require_room(spec, limits, kShortest);
  const std::size_t length = std::min<std::size_t>(limits.max_length.value_or(32), 32);
  return [key, length, limits](std::string_view input, const MaskRow&) {
    std::string buffer;
    return short_code(key.digest("hash", folded(input, limits, buffer)), length);
  };
}

// "Student {hash}": each {GENERATOR} stands for what that one makes of the value.
Generator make_template(const GeneratorSpec& spec, const PseudonymKey& key,
                        const ValueLimits& limits) {
  const std::string* text = text_option(spec, "value");
  if (text == nullptr) {
    throw Error(ErrorCode::config, "generator \"template\" needs a \"value\"")
        .at(spec.place)
        .hint("such as \"Student {hash}\"; {NAME} is what the generator NAME makes of the value");
  }
  struct Piece {
    std::string text;
    Generator generator;
  };
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t open = std::min(text->find('{', at), text->size());
    pieces.push_back({text->substr(at, open - at), {}});
    if (open == text->size()) break;
    const std::size_t close = text->find('}', open);
    const std::string name =
        close == std::string::npos ? "" : text->substr(open + 1, close - open - 1);
    if (name.empty() || name == spec.name) {
      throw Error(ErrorCode::config, "a { in a template must be followed by a generator and }")
          .at(spec.place);
    }
    ValueLimits no_room_asked = limits;
    no_room_asked.max_length.reset();
    pieces.push_back(
        {{}, make_generator({name, options_of(spec, name), spec.place}, key, no_room_asked)});
    at = close + 1;
  }
  return [pieces, limits](std::string_view input, const MaskRow& row) {
    std::string out;
    for (const Piece& piece : pieces) {
      out += piece.generator ? piece.generator(input, row).value_or("") : piece.text;
    }
    return truncate(std::move(out), limits);
  };
}

// The expression stands in the query that reads the rows; nothing is left to do here.
Generator make_sql(const GeneratorSpec& spec, const PseudonymKey&, const ValueLimits&) {
  if (text_option(spec, "expression") == nullptr) {
    throw Error(ErrorCode::config, "generator \"sql\" needs an \"expression\"").at(spec.place);
  }
  return [place = spec.place](std::string_view, const MaskRow&) -> std::optional<std::string> {
    throw Error(ErrorCode::config, "generator \"sql\" works on whole columns of a live database")
        .at(place)
        .hint("use another generator for json, fields, arrays and dumps");
  };
}

std::vector<TableRow>& table() {
  using enum Uniqueness;
  constexpr Output kDrawn = Output::drawn;
  constexpr Output kCopied = Output::copied;
  static std::vector<TableRow> rows{
      {{"keep",
        always,
        kCopied,
        "the original value, for columns that are not personal; what it `holds` all the same",
        {"holds"}},
       make_keep},
      {{"null", always, kDrawn, "NULL"}, make_null},
      {{"fixed", never, kCopied, "the same value for every row", {"value"}}, make_fixed},
      {{"person_name",
        on_request,
        kDrawn,
        "first and last name in the script of the original, and of its gender where known",
        {"locale"}},
       make_person_name},
      {{"first_name",
        on_request,
        kDrawn,
        "first name in the script of the original, and of its gender where that is known",
        {"locale"}},
       make_first_name},
      {{"last_name", on_request, kDrawn, "last name in the script of the original", {"locale"}},
       make_last_name},
      {{"username", always, kDrawn, "a name and a code"}, make_username},
      {{"email",
        always,
        kDrawn,
        "names and a code at example.test; names of the row's own pseudonym if asked",
        {"name", "first_name", "last_name", "locale"}},
       make_email},
      {{"phone", always, kDrawn, "digits permuted, country code and format kept"}, make_phone},
      {{"street_address", on_request, kDrawn, "number and street", {"locale"}},
       make_street_address},
      {{"city", on_request, kDrawn, "invented town", {"locale"}}, make_city},
      {{"postcode", on_request, kDrawn, "letters and digits replaced, shape kept"}, make_text},
      {{"company", on_request, kDrawn, "invented company", {"locale"}}, make_company},
      {{"iban", always, kDrawn, "country and length kept, valid check digits"}, make_iban},
      {{"card", always, kDrawn, "card number: issuer kept, valid check digit"}, make_card},
      {{"national_id", always, kDrawn,
        "shape kept; check digits and dates valid in the numbers of eleven countries"},
       make_national_id},
      {{"uuid", always, kDrawn, "another UUID of the same version"}, make_uuid},
      {{"url", always, kDrawn, "a link at example.test"}, make_url},
      {{"ip", always, kDrawn, "an address; what shared a prefix still does"}, make_ip},
      {{"hash", always, kDrawn, "a code of up to 32 letters and digits"}, make_hash},
      {{"text", on_request, kDrawn, "letters and digits replaced, length and shape kept"},
       make_text},
      {{"scrub", never, kDrawn, "free text: everything but common words replaced"}, make_scrub},
      {{"date_shift",
        on_request,
        kDrawn,
        "up to `days` earlier or later; all dates of one person (`by`) alike",
        {"days", "by"}},
       make_date_shift},
      {{"noise", never, kDrawn, "a number up to `percent` smaller or larger", {"percent"}},
       make_noise},
      {{"scale", always, kDrawn, "numbers that keep their order, up to `percent` off", {"percent"}},
       make_scale},
      {{"template",
        never,
        kCopied,
        "text around other generators: \"Student {hash}\"",
        {"value", "locale"}},
       make_template},
      {{"sql", never, kCopied, "what a SQL `expression` gives for the row", {"expression"}},
       make_sql},
      {{"password", never, kDrawn, "scrypt hash of a known test password", {"password"}},
       make_password},
      {{"bytes", on_request, kDrawn, "as many other bytes"}, make_bytes},
  };
  return rows;
}

}  // namespace

int days_option(const GeneratorSpec& spec) { return integer_option(spec, "days", 365); }
int percent_option(const GeneratorSpec& spec) { return integer_option(spec, "percent", 10); }

std::optional<std::size_t> column_option(const GeneratorSpec& spec, std::string_view option,
                                         const ValueLimits& limits) {
  const auto found = spec.options.find(std::string(option));
  if (found == spec.options.end()) return std::nullopt;
  const std::string& name = found->second.text;
  const auto column = std::find(limits.columns.begin(), limits.columns.end(), name);
  if (column == limits.columns.end()) {
    throw Error(
        ErrorCode::config,
        fmt::format("\"{}\" names the column \"{}\", which is not in the table", option, name))
        .at(found->second.place)
        .hint(did_you_mean(name, limits.columns, "it must be a column of the same table"));
  }
  return static_cast<std::size_t>(column - limits.columns.begin());
}

std::string password_option(const GeneratorSpec& spec) {
  const std::string* password = text_option(spec, "password");
  return password == nullptr ? "test" : *password;
}

std::vector<GeneratorTraits> generators() {
  std::vector<GeneratorTraits> out;
  for (const TableRow& row : table()) out.push_back(row.traits);
  return out;
}

bool takes_option(std::string_view generator, std::string_view option) {
  const GeneratorTraits* traits = find_generator(generator);
  return traits != nullptr &&
         std::find(traits->options.begin(), traits->options.end(), option) != traits->options.end();
}

const GeneratorTraits* find_generator(std::string_view name) {
  for (const TableRow& row : table()) {
    if (row.traits.name == name) return &row.traits;
  }
  return nullptr;
}

void register_generator(GeneratorTraits traits, GeneratorFactory make) {
  if (find_generator(traits.name) != nullptr) {
    throw Error(ErrorCode::usage, fmt::format("there is a generator \"{}\" already", traits.name));
  }
  table().push_back({std::move(traits), std::move(make)});
}

Generator make_generator(const GeneratorSpec& spec, const PseudonymKey& key,
                         const ValueLimits& limits) {
  for (const TableRow& row : table()) {
    if (row.traits.name != spec.name) continue;
    for (const auto& [option, value] : spec.options) {
      const auto& known = row.traits.options;
      if (takes_option(spec.name, option)) continue;
      throw Error(ErrorCode::config,
                  fmt::format("generator \"{}\" has no option \"{}\"", spec.name, option))
          .at(value.place)
          .hint(known.empty() ? "it takes no options"
                              : fmt::format("its options: {}", fmt::join(known, ", ")));
    }
    return row.make(spec, key, limits);
  }
  std::vector<std::string> names;
  for (const TableRow& row : table()) names.push_back(row.traits.name);
  throw Error(ErrorCode::config, fmt::format("unknown generator \"{}\"", spec.name))
      .at(spec.place)
      .hint(did_you_mean(spec.name, names,
                         fmt::format("the generators are {}", fmt::join(names, ", "))));
}

}  // namespace pgcycle::anonymize
