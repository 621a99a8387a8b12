#include "pgcycle/anonymize/generator.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <cctype>
#include <chrono>
#include <random>
#include <set>
#include <sstream>

#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/format_generators.hpp"
#include "pgcycle/anonymize/national_id.hpp"
#include "pgcycle/anonymize/packed_text.hpp"
#include "pgcycle/anonymize/permutation.hpp"
#include "pgcycle/anonymize/plan.hpp"
#include "pgcycle/anonymize/text_shape.hpp"
#include "pgcycle/support/json_document.hpp"
#include "pgcycle/support/utf8.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::anonymize {
namespace {

const PseudonymKey& key() {
  static const PseudonymKey key = PseudonymKey::from_hex(std::string(64, '7'));
  return key;
}

// A generator on its own, without a row around the value.
using OfText = std::function<std::optional<std::string>(std::string_view)>;

OfText on_text(Generator generator) {
  return [generator = std::move(generator)](std::string_view text) { return generator(text, {}); };
}

OfText generator(const std::string& name, const ValueLimits& limits = {}) {
  GeneratorSpec spec;
  spec.name = name;
  return on_text(make_generator(spec, key(), limits));
}

// Generators that need no option, with a value that suits each.
const std::map<std::string, std::string> kSamples{{"person_name", "Ana Duarte"},
                                                  {"first_name", "Ana"},
                                                  {"last_name", "Duarte"},
                                                  {"username", "ana77"},
                                                  {"email", "ana.duarte@mailbox.example"},
                                                  {"phone", "+49 30 1234567"},
                                                  {"street_address", "Lindenallee 5"},
                                                  {"city", "Berlin"},
                                                  {"postcode", "SW1A 2AA"},
                                                  {"company", "Duarte GmbH"},
                                                  {"iban", "DE89370400440532013000"},
                                                  {"url", "https://ana.example/x"},
                                                  {"ip", "84.17.3.9"},
                                                  {"hash", "abc-123"},
                                                  {"text", "Ana, 7!"},
                                                  {"scrub", "Call Ana at home"},
                                                  {"card", "4111 1111 1111 1111"},
                                                  {"national_id", "078-05-1120"},
                                                  {"uuid", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
                                                  {"noise", "1234.50"},
                                                  {"bytes", "\\x0102ff"}};

TEST(PseudonymKey, DigestsAsHmacSha256Does) {  // RFC 2104; the value is Python's
  EXPECT_EQ(to_hex(key().digest("email", "ana")),
            "d5ceed2bd687bdb80e6d84b408debe5f05d9355c0828defbe136c4c1917e6d01");
}

TEST(Generators, AreFunctionsOfKeyAndInput) {
  const PseudonymKey other = PseudonymKey::from_hex(std::string(64, '8'));
  for (const auto& [name, sample] : kSamples) {
    const auto first = generator(name)(sample);
    EXPECT_EQ(first, generator(name)(sample)) << name;
    EXPECT_NE(first, sample) << name;
    GeneratorSpec spec;
    spec.name = name;
    int different = 0;
    for (const char* suffix : {"", "1", "2", "3"}) {
      const std::string input =
          name == "iban" || name == "ip" || name == "bytes" || name == "card" || name == "uuid"
              ? sample
              : sample + suffix;
      different += make_generator(spec, other, {})(input, {}) != generator(name)(input) ? 1 : 0;
    }
    EXPECT_GT(different, 0) << name;
  }
}

TEST(Generators, ThatSayUniqueAreUnique) {
  for (const GeneratorTraits& traits : generators()) {
    if (traits.unique == Uniqueness::never || traits.name == "keep" || traits.name == "null")
      continue;
    const OfText make = generator(traits.name, {.max_length = {}, .unique = true});
    std::set<std::string> seen;
    constexpr int kCount = 20000;
    for (int i = 0; i < kCount; ++i) {
      std::string input = "person" + std::to_string(i) + "@mailbox.example";
      if (traits.name == "phone") input = "+49 30 " + std::to_string(1000000 + i);
      if (traits.name == "iban") input = "DE" + std::to_string(100000000000 + i) + "00000000";
      if (traits.name == "card") input = "400000" + std::to_string(1000000000 + i);
      if (traits.name == "uuid") input = fmt::format("3f2504e0-4f89-41d3-9a0c-{:012x}", i);
      if (traits.name == "ip") input = fmt::format("10.0.{}.{}", i / 256, i % 256);
      if (traits.name == "scale") input = std::to_string(i);
      if (traits.name == "date_shift")
        input = fmt::format("{:04}-{:02}-{:02}", 1000 + i / 336, i / 28 % 12 + 1, i % 28 + 1);
      if (traits.name == "bytes") input = fmt::format("\\x{:06x}", i);
      seen.insert(*make(input));
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(kCount)) << traits.name;
  }
}

TEST(Generators, KeepWithinTheColumnsLength) {
  for (const auto& [name, sample] : kSamples) {
    for (const std::size_t length : {20U, 40U, 64U}) {
      if (count_code_points(sample) > length) continue;  // no such value could be there
      try {
        const auto value = generator(name, {.max_length = length})(sample);
        EXPECT_LE(count_code_points(*value), length) << name;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::config) << name;  // says so before any row
      }
    }
  }
}

TEST(Generators, OfIbansHaveValidCheckDigits) {
  const std::string iban = *generator("iban")("DE89 3704 0044 0532 0130 00");
  std::string digits;
  std::string compact;
  for (const char c : iban) {
    if (c != ' ') compact.push_back(c);
  }
  for (const char c : compact.substr(4) + compact.substr(0, 4)) {
    digits += std::isdigit(c) != 0 ? std::string(1, c) : std::to_string(c - 'A' + 10);
  }
  int remainder = 0;
  for (const char c : digits) remainder = (remainder * 10 + (c - '0')) % 97;
  EXPECT_EQ(remainder, 1) << iban;
  EXPECT_TRUE(iban.starts_with("DE"));
}

TEST(Generators, OfNamesKeepTheScript) {
  for (const char* name : {"Ana Duarte", "李伟", "محمد حسن", "Иван Петров"}) {
    EXPECT_EQ(script_of(*generator("person_name")(name)), script_of(name)) << name;
  }
}

TEST(Generators, OfNamesKeepAKnownGender) {
  const auto is_in = [](std::span<const std::string_view> list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const NameLists& lists = names(Script::latin, Locale::en);
  const OfText first_name = generator("first_name");
  for (const char* name : {"Maria", "SOPHIE", "Inês", "Emma Louise"}) {
    EXPECT_TRUE(is_in(lists.feminine, *first_name(name))) << name;
  }
  for (const char* name : {"Peter", "JOÃO", "Hans Otto", "Mohammed"}) {
    EXPECT_TRUE(is_in(lists.masculine, *first_name(name))) << name;
  }
  const std::string whole = *generator("person_name")("Peter Maria Schmidt");
  EXPECT_TRUE(is_in(lists.masculine, whole.substr(0, whole.find(' ')))) << whole;
  // Nothing is known of the others, which get either.
  int feminine = 0;
  for (int i = 0; i < 400; ++i) {
    feminine += is_in(lists.feminine, *first_name(fmt::format("Xq{}", i))) ? 1 : 0;
  }
  EXPECT_GT(feminine, 100);
  EXPECT_LT(feminine, 350);
}

TEST(Generators, SpeakTheLanguageThatIsAskedFor) {
  GeneratorSpec spec;
  spec.options["locale"].text = "de";
  const auto german = [&spec](const std::string& name, const std::string& input) {
    spec.name = name;
    return *on_text(make_generator(spec, key(), {}))(input);
  };
  const std::span last = names(Script::latin, Locale::de).last;
  EXPECT_NE(std::find(last.begin(), last.end(), german("last_name", "Duarte")), last.end());
  EXPECT_EQ(script_of(german("last_name", "Петров")), Script::cyrillic);
  const std::string street = german("street_address", "1 Long Lane");
  EXPECT_TRUE(std::isdigit(street.back()) != 0 && std::isdigit(street.front()) == 0) << street;
  // What stands inside another generator speaks it too.
  const std::string name = german("last_name", "Duarte");
  spec.options["value"].text = "Frau {last_name}";
  EXPECT_EQ(german("template", "Duarte"), "Frau " + name);
  spec.options.erase("value");
  spec.options["locale"].text = "xx";
  EXPECT_THROW(german("city", "Berlin"), Error);
}

// Samples that the issuers publish, or that stand in their documentation.
TEST(Generators, OfNationalIdsHaveValidCheckDigits) {
  const std::map<std::string, std::vector<std::string>> samples{
      {"it", {"RSSMRA85T10A562S", "rss mra 85T10 A562s"}},
      {"fr", {"295109912611193", "2 95 10 99 126 111 93"}},
      {"se", {"880320-0016", "19880320-0016"}},
      {"pl", {"44051401359"}},
      {"be", {"85.07.30-033 28", "17 07 30 033 84"}},
      {"br", {"390.533.447-05", "39053344705"}},
      {"de", {"36 574 261 809", "36574261809"}},
      {"es", {"54362315-K", "x-2482300w"}},
      {"pt", {"501 964 843", "501964843"}},
      {"nl", {"1112.22.333"}},
      {"us", {"536-90-4399"}}};
  const OfText mask = generator("national_id");
  for (const auto& [country, numbers] : samples) {
    for (const std::string& number : numbers) {
      const std::string masked = *mask(number);
      EXPECT_EQ(country_of_national_id(number), country) << number;
      EXPECT_EQ(country_of_national_id(masked), country) << number << " -> " << masked;
      EXPECT_NE(masked, number);
      EXPECT_EQ(shape_of(masked), shape_of(number));
    }
  }
  EXPECT_EQ(country_of_national_id("RSSMRA85T10A562X"), "");
  EXPECT_EQ(country_of_national_id("536904399"), "");  // without hyphens it is any number
}

TEST(Generators, OfNationalIdsKeepTheCountriesApart) {
  std::mt19937_64 random(test::test_seed());
  const OfText mask = generator("national_id");
  std::set<std::string> seen;
  std::set<std::string> inputs;
  while (inputs.size() < 20000) {
    const std::string digits = std::to_string(random() % 1000000000);
    const std::string number = random() % 4 == 0 ? digits + "K" : digits;
    if (!inputs.insert(number).second) continue;
    const std::string masked = *mask(number);
    EXPECT_EQ(country_of_national_id(masked), country_of_national_id(number)) << number;
    EXPECT_TRUE(seen.insert(masked).second) << number;
  }
}

TEST(ScrubText, LeavesNoNameNumberOrAddress) {
  const std::string out = scrub_text(key(),
                                     "Ana Duarte (ana@duarte.example, +49 170 1234567) lives at 5 "
                                     "Rua da Saudade, IBAN DE89370400440532013000");
  for (const char* part : {"Ana", "Duarte", "duarte.example", "1234567", "Saudade", "37040044"}) {
    EXPECT_EQ(out.find(part), std::string::npos) << out;
  }
  EXPECT_NE(out.find('@'), std::string::npos);
}

TEST(ScrubText, ChangesNoCharacterBesidesLettersAndDigits) {
  const std::string text = "a1 — «b»\n\t漢字, Ünï 👍 ﷽\x01";
  const std::string out = replace_letters_and_digits(key(), "k", text);
  EXPECT_EQ(count_code_points(out), count_code_points(text));
  EXPECT_NE(out.find("— «"), std::string::npos);
  EXPECT_NE(out.find("👍"), std::string::npos);
}

TEST(Generators, StayUniqueInLowerCaseWhereAsked) {
  const ValueLimits limits{.max_length = {}, .unique = true, .fold_case = true};
  for (const std::string name :
       {"email", "username", "person_name", "text", "url", "hash", "city"}) {
    const OfText make = generator(name, limits);
    std::set<std::string> seen;
    for (int i = 0; i < 5000; ++i) {
      std::string input = fmt::format("Person{}@mailbox.example", i);
      std::string out = *make(input);
      EXPECT_EQ(out, *make(lower_case(input))) << name;
      seen.insert(lower_case(out));
    }
    EXPECT_EQ(seen.size(), 5000U) << name;
  }
}

TEST(Generators, TellAddressesApartByCase) {
  const OfText email = generator("email");
  const std::string lower = *email("ana@mailbox.example");
  const std::string mixed = *email("Ana@mailbox.example");
  EXPECT_NE(lower, mixed);
  EXPECT_EQ(mixed.substr(0, mixed.find('+')), lower.substr(0, lower.find('@')));
}

TEST(Generators, KeepWhatMakesNumbersValid) {
  for (int i = 0; i < 500; ++i) {
    const std::string card = *generator("card")("4111 1111 1111 1111");
    EXPECT_TRUE(is_card_number(card)) << card;
    EXPECT_TRUE(card.starts_with("4111 11")) << card;
  }
  const std::string uuid = *generator("uuid")("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
  EXPECT_EQ(uuid[14], '4');
  EXPECT_EQ(uuid.size(), 36U);
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
}

TEST(Generators, KeepPrefixesOfAddresses) {
  const auto bytes = [](const std::string& address) {
    std::vector<int> out;
    std::istringstream text(address);
    for (std::string part; std::getline(text, part, '.');) out.push_back(std::stoi(part));
    return out;
  };
  const OfText ip = generator("ip");
  const auto a = bytes(*ip("84.17.3.9"));
  const auto b = bytes(*ip("84.17.3.200"));
  const auto c = bytes(*ip("84.17.200.1"));
  EXPECT_EQ(std::vector(a.begin(), a.begin() + 3), std::vector(b.begin(), b.begin() + 3));
  EXPECT_EQ(std::vector(a.begin(), a.begin() + 2), std::vector(c.begin(), c.begin() + 2));
  EXPECT_NE(a, b);
  EXPECT_EQ((*ip("10.0.0.0/8")).substr((*ip("10.0.0.0/8")).find('.')), ".0.0.0/8");
  EXPECT_NE((*ip("2001:db8::1")).find(':'), std::string::npos);
}

// For every pair, the bits in front that are the same are as many before as after.
TEST(Generators, KeepJustThePrefixesThatAddressesShare) {
  std::mt19937_64 random(test::test_seed());
  const OfText ip = generator("ip");
  const auto bits = [](const std::string& address) {
    std::array<unsigned char, 16> bytes{};
    const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    EXPECT_EQ(inet_pton(family, address.c_str(), bytes.data()), 1) << address;
    std::string out;
    for (const unsigned char byte : bytes) out += std::bitset<8>(byte).to_string();
    return out;
  };
  const auto shared = [](const std::string& a, const std::string& b) {
    return std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin();
  };
  for (const bool six : {false, true}) {
    std::string before;
    std::string after;
    for (int i = 0; i < 2000; ++i) {
      std::string address = six ? "2001:db8" : "84.17";
      for (int part = six ? 6 : 2; part > 0; --part) {
        const auto value = random() % (random() % 2 == 0 ? 4 : 256);
        address += six ? fmt::format(":{:x}", value) : fmt::format(".{}", value);
      }
      const std::string masked = *ip(address);
      if (!before.empty()) {
        EXPECT_EQ(shared(bits(address), bits(before)), shared(bits(masked), bits(after)))
            << address << " and " << before;
      }
      before = address;
      after = masked;
    }
  }
}

TEST(Generators, KeepTheOrderOfOnePersonsDates) {
  GeneratorSpec spec{"date_shift", {}, {}};
  spec.options["by"] = parse_json("\"person\"", "");
  const Generator shift = make_generator(spec, key(), {.columns = {"person", "day"}});
  const auto of = [&shift](const char* person, const char* day) {
    const std::vector<std::optional<std::string_view>> row{person, day};
    return *shift(day, {row, nullptr});
  };
  const auto days = [](const std::string& date) {
    return std::chrono::sys_days(std::chrono::year(std::stoi(date.substr(0, 4))) /
                                 std::stoi(date.substr(5, 2)) / std::stoi(date.substr(8, 2)));
  };
  EXPECT_EQ((days(of("ana", "2020-03-05")) - days(of("ana", "2020-03-01"))).count(), 4);
  EXPECT_NE((days(of("ana", "2020-03-05")) - days(of("bob", "2020-03-05"))).count(), 0);
  spec.options["by"] = parse_json("\"persn\"", "");
  EXPECT_NE(test::error_of([&] { make_generator(spec, key(), {.columns = {"person"}}); })
                .hint()
                .find("person"),
            std::string::npos);
}

TEST(Generators, ShiftAnyDateThatPostgresHolds) {
  GeneratorSpec spec{"date_shift", {}, {"pgcycle.json", 7, 3}};
  const Generator shift = make_generator(spec, key(), {.column = "public.t.day"});
  const test::TestDatabase database;
  for (const char* date :
       {"0044-03-15 BC", "0001-01-01 BC", "0001-01-01", "4714-11-24 BC", "5874897-12-31",
        "40000-02-29", "2026-02-28", "9999-12-31", "4713-01-01 00:00:00 BC",
        "294276-12-31 23:59:59.5+00", "0001-12-31 23:59:59+00 BC"}) {
    const std::string moved = *shift(date, {});
    const bool has_time = std::string_view(date).find(':') != std::string_view::npos;
    const std::string days = database.value(
        has_time
            ? fmt::format("SELECT abs(extract(day FROM '{}'::timestamptz - '{}'))", moved, date)
            : fmt::format("SELECT abs('{}'::date - '{}')", moved, date));
    EXPECT_GE(std::stoi(days), 1) << date << " " << moved;
    EXPECT_LE(std::stoi(days), 365) << date << " " << moved;
    if (!has_time) {
      EXPECT_EQ(database.value(fmt::format("SELECT '{}'::date", moved)), moved);
    }
  }
  const Error error = test::error_of([&] { shift("yesterday", {}); });
  EXPECT_NE(error.message().find("public.t.day"), std::string::npos);
  EXPECT_EQ(error.location().line, 7);
}

TEST(Generators, GiveAnAddressTheNameOfTheRow) {
  GeneratorSpec spec{"email", {}, {}};
  spec.options["name"] = parse_json("\"full_name\"", "");
  const Generator email = make_generator(spec, key(), {.columns = {"full_name", "email"}});
  const std::vector<std::optional<std::string_view>> row{"Ana Duarte", "ana@mailbox.example"};
  const std::string name = lower_case(*generator("person_name")("Ana Duarte"));
  const std::string local = name.substr(0, name.find(' ')) + "." + name.substr(name.find(' ') + 1);
  EXPECT_TRUE(email("ana@mailbox.example", {row, nullptr})->starts_with(local + "."));
}

TEST(Generators, ScaleKeepsTheOrderOfNumbers) {
  const OfText scale = generator("scale", {.max_length = {}, .unique = true});
  double last = -1;
  for (int i = 0; i < 3000; ++i) {
    const double value = std::stod(*scale(std::to_string(i)));
    EXPECT_GT(value, last);
    last = value;
  }
  EXPECT_EQ((*generator("noise")("1234.50")).size() - (*generator("noise")("1234.50")).find('.'),
            3U);
}

TEST(Generators, OfTemplatesPutOthersIntoText) {
  GeneratorSpec spec{"template", {}, {}};
  spec.options["value"] = parse_json("\"Student {hash}\"", "");
  EXPECT_EQ(make_generator(spec, key(), {})("ana", {}), "Student " + *generator("hash")("ana"));
  spec.options["value"] = parse_json("\"Student {hsh}\"", "");
  EXPECT_NE(test::error_of([&] { make_generator(spec, key(), {}); }).hint().find("hash"),
            std::string::npos);
}

TEST(Generators, OfOnesOwnStandBesideTheOthers) {
  register_generator({.name = "shout", .description = "for this test"},
                     [](const GeneratorSpec&, const PseudonymKey&, const ValueLimits&) {
                       return [](std::string_view, const MaskRow&) { return "HEY"; };
                     });
  EXPECT_EQ(generator("shout")("ana"), "HEY");
  register_generator({.name = "of_row", .description = "for this test"},
                     [](const GeneratorSpec&, const PseudonymKey&, const ValueLimits&) {
                       return [](std::string_view, const MaskRow& row) {
                         return std::string(*row.values[0]);
                       };
                     });
  const ColumnMask mask = make_mask({"of_row", {}, {}}, key(), {});
  for (const char* first : {"one", "two"}) {  // the same value in two rows
    const std::vector<std::optional<std::string_view>> row{first, "ana"};
    EXPECT_EQ(mask("ana", {row, nullptr}), first);
  }
  EXPECT_THROW(register_generator({.name = "email"}, {}), Error);
}

// Every domain, to the last number.
TEST(Permutation, CoversExactDomains) {
  const KeyedPermutation permutation(key(), "k");
  for (const std::uint64_t size : {2U, 3U, 7U, 10U, 100U, 997U, 65537U}) {
    std::vector<bool> seen(size);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t out = permutation.permute(i, size);
      ASSERT_LT(out, size);
      EXPECT_FALSE(seen[out]) << i << " of " << size;
      seen[out] = true;
    }
  }
  std::set<std::string> pairs;
  for (int i = 0; i < 65536; ++i) {
    const std::string two{static_cast<char>(i >> 8), static_cast<char>(i & 255)};
    pairs.insert(permutation.permute_bytes(two));
  }
  EXPECT_EQ(pairs.size(), 65536U);
}

TEST(PackedText, TellsTextsApart) {
  std::mt19937 random(17);
  std::set<std::string> texts;
  std::set<std::string> packed;
  std::set<std::string> emails;
  constexpr std::string_view kLetters = "ab.@-Z\x80";
  for (int i = 0; i < 60000; ++i) {
    std::string text;
    for (auto length = random() % 9; length > 0; --length)
      text += kLetters[random() % kLetters.size()];
    if (i % 3 == 0) text += "@gmail.com";
    if (!texts.insert(text).second) continue;
    packed.insert(packed_text(text));
    emails.insert(packed_email(text));
  }
  EXPECT_EQ(packed.size(), texts.size());
  EXPECT_EQ(emails.size(), texts.size());
}

TEST(PermuteDigits, IsAPermutationOfEveryLength) {
  for (const int length : {1, 2, 3, 4}) {
    int count = 1;
    for (int i = 0; i < length; ++i) count *= 10;
    std::set<std::string> seen;
    for (int i = 0; i < count; ++i) {
      std::string digits = std::to_string(i);
      digits.insert(0, static_cast<std::size_t>(length) - digits.size(), '0');
      seen.insert(KeyedPermutation(key(), "k").permute_digits(digits));
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(count));
  }
}

TEST(MakeGenerator, NamesWhatIsWrong) {
  const Error unknown = test::error_of([] { generator("emial"); });
  EXPECT_NE(unknown.hint().find("email"), std::string::npos);
  EXPECT_THROW(PseudonymKey::from_hex("abc"), Error);
}

}  // namespace
}  // namespace pgcycle::anonymize
