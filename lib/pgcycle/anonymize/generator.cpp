#include "pgcycle/anonymize/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/format_generators.hpp"
#include "pgcycle/anonymize/text_shape.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::anonymize {

namespace {

using MakeGenerator = Generator (*)(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&);

struct TableRow {
  GeneratorTraits traits;
  MakeGenerator make;
};

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
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

// Words that render a person, drawn from one digest.
struct PersonWords {
  std::string_view first;
  std::string_view last;
};

PersonWords draw_person(const Digest& digest, Script script) {
  Choices choices(digest);
  return {choices.pick(first_names(script)), choices.pick(last_names(script))};
}

// A pseudonym never equals the original: the next draw is taken instead.
template <class Draw>
std::string draw_other_than(const PseudonymKey& key, std::string_view kind, std::string_view input,
                            Draw&& draw) {
  for (int attempt = 0;; ++attempt) {
    std::string out = draw(
        key.digest(attempt == 0 ? std::string(kind) : fmt::format("{}#{}", kind, attempt), input));
    if (out != input || attempt == 8) return out;
  }
}

Generator make_keep(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&) {
  return [](std::string_view input) { return std::string(input); };
}

Generator make_null(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&) {
  return [](std::string_view) { return std::nullopt; };
}

Generator make_fixed(const GeneratorSpec& spec, const PseudonymKey&, const ValueLimits&) {
  const std::string* value = text_option(spec, "value");
  if (value == nullptr) {
    throw Error(ErrorCode::config, "generator \"fixed\" needs a \"value\"").at(spec.place);
  }
  return [text = *value](std::string_view) { return text; };
}

Generator make_person_name(const GeneratorSpec&, const PseudonymKey& key,
                           const ValueLimits& limits) {
  return [key, limits](std::string_view input) {
    const Script script = script_of(input);
    return truncate(draw_other_than(key, "person_name", input,
                                    [script](const Digest& digest) {
                                      const PersonWords words = draw_person(digest, script);
                                      return script == Script::han
                                                 ? fmt::format("{}{}", words.last, words.first)
                                                 : fmt::format("{} {}", words.first, words.last);
                                    }),
                    limits);
  };
}

Generator make_first_name(const GeneratorSpec&, const PseudonymKey& key,
                          const ValueLimits& limits) {
  return [key, limits](std::string_view input) {
    return truncate(draw_other_than(key, "first_name", input,
                                    [script = script_of(input)](const Digest& digest) {
                                      return std::string(draw_person(digest, script).first);
                                    }),
                    limits);
  };
}

Generator make_last_name(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits& limits) {
  return [key, limits](std::string_view input) {
    return truncate(draw_other_than(key, "last_name", input,
                                    [script = script_of(input)](const Digest& digest) {
                                      return std::string(draw_person(digest, script).last);
                                    }),
                    limits);
  };
}

// Room that is left for words beside a code that must not be cut.
std::size_t room_for_words(const GeneratorSpec& spec, const ValueLimits& limits, std::size_t needed,
                           std::size_t usual) {
  if (!limits.max_length) return usual;
  if (*limits.max_length < needed) {
    throw Error(ErrorCode::config,
                fmt::format("generator \"{}\" needs {} characters, the column holds {}", spec.name,
                            needed, *limits.max_length))
        .at(spec.place)
        .hint("use \"hash\", \"text\", \"fixed\" or \"null\" for this column");
  }
  return std::min(usual, *limits.max_length - needed);
}

Generator make_username(const GeneratorSpec& spec, const PseudonymKey& key,
                        const ValueLimits& limits) {
  constexpr std::size_t kCode = 10;
  const std::size_t room = room_for_words(spec, limits, kCode, 24);
  return [key, room](std::string_view input) {
    const Digest digest = key.digest("username", input);
    std::string words = lower_ascii(draw_person(digest, Script::latin).first) + ".";
    if (words.size() > room) words.clear();
    return words + short_code(key.digest("username code", input), kCode);
  };
}

Generator make_email(const GeneratorSpec& spec, const PseudonymKey& key,
                     const ValueLimits& limits) {
  constexpr std::size_t kCode = 13;
  constexpr std::string_view kDomain = "@example.test";
  const std::size_t room = room_for_words(spec, limits, kCode + kDomain.size(), 38);
  return [key, room, kDomain](std::string_view input) {
    const PersonWords person = draw_person(key.digest("email", input), Script::latin);
    std::string words = lower_ascii(fmt::format("{}.{}.", person.first, person.last));
    if (words.size() > room) words.clear();
    return words + short_code(key.digest("email code", input), kCode) + std::string(kDomain);
  };
}

Generator make_street_address(const GeneratorSpec&, const PseudonymKey& key,
                              const ValueLimits& limits) {
  static constexpr std::array<std::string_view, 6> kKinds{"Street", "Road",  "Lane",
                                                          "Avenue", "Close", "Way"};
  return [key, limits](std::string_view input) {
    Choices choices(key.digest("street_address", input));
    const std::uint32_t number = 1 + choices.below(180);
    const std::string_view street = choices.pick(street_names());
    return truncate(fmt::format("{} {} {}", number, street, choices.pick(kKinds)), limits);
  };
}

Generator make_city(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits& limits) {
  return [key, limits](std::string_view input) {
    return truncate(draw_other_than(key, "city", input,
                                    [](const Digest& digest) {
                                      return std::string(Choices(digest).pick(city_names()));
                                    }),
                    limits);
  };
}

Generator make_company(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits& limits) {
  return [key, limits](std::string_view input) {
    return truncate(draw_other_than(key, "company", input,
                                    [](const Digest& digest) {
                                      Choices choices(digest);
                                      const std::string_view first = choices.pick(company_words());
                                      const std::string_view second = choices.pick(company_words());
                                      return fmt::format("{} {} {}", first, second,
                                                         choices.pick(company_forms()));
                                    }),
                    limits);
  };
}

Generator make_text(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input) { return replace_letters_and_digits(key, "text", input); };
}

Generator make_postcode(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return
      [key](std::string_view input) { return replace_letters_and_digits(key, "postcode", input); };
}

Generator make_scrub(const GeneratorSpec&, const PseudonymKey& key, const ValueLimits&) {
  return [key](std::string_view input) { return scrub_text(key, input); };
}

Generator make_hash(const GeneratorSpec& spec, const PseudonymKey& key, const ValueLimits& limits) {
  constexpr std::size_t kShortest = 13;
  room_for_words(spec, limits, kShortest, 0);
  const std::size_t length = std::min<std::size_t>(limits.max_length.value_or(32), 32);
  return [key, length](std::string_view input) {
    return short_code(key.digest("hash", input), length);
  };
}

const std::vector<TableRow>& table() {
  static const std::vector<TableRow> kRows{
      {{"keep", true, false, "the original value, for columns that are not personal", {}},
       make_keep},
      {{"null", false, true, "NULL", {}}, make_null},
      {{"fixed", false, true, "the same value for every row", {"value"}}, make_fixed},
      {{"person_name", false, true, "first and last name in the script of the original", {}},
       make_person_name},
      {{"first_name", false, true, "first name in the script of the original", {}},
       make_first_name},
      {{"last_name", false, true, "last name in the script of the original", {}}, make_last_name},
      {{"username", true, true, "name and a code of 50 bits", {}}, make_username},
      {{"email", true, true, "name and a code of 65 bits at example.test", {}}, make_email},
      {{"phone", true, true, "digits replaced, country code and format kept", {}}, make_phone},
      {{"street_address", false, true, "number and street", {}}, make_street_address},
      {{"city", false, true, "invented town", {}}, make_city},
      {{"postcode", false, true, "letters and digits replaced, shape kept", {}}, make_postcode},
      {{"company", false, true, "invented company", {}}, make_company},
      {{"iban", true, true, "country and length kept, valid check digits", {}}, make_iban},
      {{"url", true, true, "a link at example.test", {}}, make_url},
      {{"ip", false, true, "an address of a private or documentation range", {}}, make_ip},
      {{"hash", true, true, "a code of up to 32 letters and digits", {}}, make_hash},
      {{"text", false, true, "letters and digits replaced, length and shape kept", {}}, make_text},
      {{"scrub", false, true, "free text: everything but common words replaced", {}}, make_scrub},
      {{"date_shift", false, true, "a date up to `days` earlier or later", {"days"}},
       make_date_shift},
      {{"password", false, true, "scrypt hash of a known test password", {"password"}},
       make_password},
      {{"bytes", false, true, "as many other bytes", {}}, make_bytes},
  };
  return kRows;
}

}  // namespace

int days_option(const GeneratorSpec& spec) { return integer_option(spec, "days", 365); }

std::string password_option(const GeneratorSpec& spec) {
  const std::string* password = text_option(spec, "password");
  return password == nullptr ? "test" : *password;
}

const std::vector<GeneratorTraits>& generators() {
  static const std::vector<GeneratorTraits> kTraits = [] {
    std::vector<GeneratorTraits> out;
    for (const TableRow& row : table()) out.push_back(row.traits);
    return out;
  }();
  return kTraits;
}

const GeneratorTraits* find_generator(std::string_view name) {
  for (const GeneratorTraits& traits : generators()) {
    if (traits.name == name) return &traits;
  }
  return nullptr;
}

Generator make_generator(const GeneratorSpec& spec, const PseudonymKey& key,
                         const ValueLimits& limits) {
  for (const TableRow& row : table()) {
    if (row.traits.name != spec.name) continue;
    for (const auto& [option, value] : spec.options) {
      const auto& known = row.traits.options;
      if (std::find(known.begin(), known.end(), option) != known.end()) continue;
      throw Error(ErrorCode::config,
                  fmt::format("generator \"{}\" has no option \"{}\"", spec.name, option))
          .at(value.place)
          .hint(known.empty() ? "it takes no options"
                              : fmt::format("its options: {}", fmt::join(known, ", ")));
    }
    return row.make(spec, key, limits);
  }
  std::vector<std::string> names;
  for (const GeneratorTraits& traits : generators()) names.emplace_back(traits.name);
  throw Error(ErrorCode::config, fmt::format("unknown generator \"{}\"", spec.name))
      .at(spec.place)
      .hint(did_you_mean(spec.name, names,
                         fmt::format("the generators are {}", fmt::join(names, ", "))));
}

}  // namespace pgcycle::anonymize
