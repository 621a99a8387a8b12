#include "pgcycle/anonymize/generator.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "pgcycle/anonymize/dictionary.hpp"
#include "pgcycle/anonymize/text_shape.hpp"
#include "pgcycle/support/utf8.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::anonymize {
namespace {

const PseudonymKey& key() {
  static const PseudonymKey key = PseudonymKey::from_hex(std::string(64, '7'));
  return key;
}

Generator generator(const std::string& name, const ValueLimits& limits = {}) {
  GeneratorSpec spec;
  spec.name = name;
  return make_generator(spec, key(), limits);
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
                                                  {"bytes", "\\x0102ff"}};

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
          name == "iban" || name == "ip" || name == "bytes" ? sample : sample + suffix;
      different += make_generator(spec, other, {})(input) != generator(name)(input) ? 1 : 0;
    }
    EXPECT_GT(different, 0) << name;
  }
}

TEST(Generators, ThatSayUniqueAreUnique) {
  for (const GeneratorTraits& traits : generators()) {
    if (!traits.unique || !traits.changes) continue;
    const Generator make = generator(std::string(traits.name));
    std::set<std::string> seen;
    constexpr int kCount = 20000;
    for (int i = 0; i < kCount; ++i) {
      std::string input = "person" + std::to_string(i) + "@mailbox.example";
      if (traits.name == "phone") input = "+49 30 " + std::to_string(1000000 + i);
      if (traits.name == "iban") input = "DE" + std::to_string(100000000000 + i) + "00000000";
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
        const auto value = generator(name, {length})(sample);
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

TEST(PermuteDigits, IsAPermutationOfEveryLength) {
  for (const int length : {1, 2, 3, 4}) {
    int count = 1;
    for (int i = 0; i < length; ++i) count *= 10;
    std::set<std::string> seen;
    for (int i = 0; i < count; ++i) {
      std::string digits = std::to_string(i);
      digits.insert(0, static_cast<std::size_t>(length) - digits.size(), '0');
      seen.insert(key().permute_digits("k", digits));
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
