#include "pgcycle/anonymize/memo.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/test_server.hpp"

namespace pgcycle::anonymize {
namespace {

TEST(Remembering, GivesWhatTheGeneratorGives) {
  std::mt19937 random(test::test_seed());
  // From short to longer than there is room for, and NULL now and then.
  const Generator plain = [](std::string_view input, const MaskRow&) -> std::optional<std::string> {
    if (input.ends_with("7")) return std::nullopt;
    return fmt::format("{}{}", std::string(input.size() * 2 % 90, 'y'), input);
  };
  const Generator remembered = remembering(plain);
  for (int i = 0; i < 200000; ++i) {
    // More inputs than places, some of them often.
    const auto number = random() % (random() % 2 == 0 ? 500 : 100000);
    const std::string input = std::string(number % 50, 'x') + std::to_string(number);
    ASSERT_EQ(remembered(input, {}), plain(input, {})) << input;
  }
}

TEST(Remembering, AsksOnceForWhatComesAgain) {
  constexpr int kInputs = 5000;
  int asked = 0;
  const Generator remembered = remembering([&asked](std::string_view input, const MaskRow&) {
    ++asked;
    return std::string(input);
  });
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kInputs; ++i) remembered("Name " + std::to_string(i), {});
  }
  EXPECT_GE(asked, kInputs);
  EXPECT_LT(asked, 3 * kInputs);  // of ten times as many
}

TEST(Remembering, TakesInNewInputsAfterManyThatNeverCameAgain) {
  int asked = 0;
  const Generator remembered = remembering([&asked](std::string_view input, const MaskRow&) {
    ++asked;
    return std::string(input);
  });
  constexpr int kUnlike = 1000000;
  for (int i = 0; i < kUnlike; ++i) remembered("Unlike " + std::to_string(i), {});
  EXPECT_EQ(asked, kUnlike);
  for (int i = 0; i < kUnlike; ++i) {
    const std::string name = "Name " + std::to_string(i % 100);
    ASSERT_EQ(remembered(name, {}), name);
  }
  EXPECT_LT(asked, kUnlike + kUnlike / 4);
}

TEST(Remembering, KeepsGeneratorsApart) {
  const auto adding = [](const char* text) {
    return remembering(
        [text](std::string_view input, const MaskRow&) { return std::string(input) + text; });
  };
  for (int i = 0; i < 3; ++i) {
    const Generator one = adding("1");
    const Generator two = adding("2");
    for (int again = 0; again < 2; ++again) {
      EXPECT_EQ(one("x", {}), "x1");
      EXPECT_EQ(two("x", {}), "x2");
    }
  }
}

}  // namespace
}  // namespace pgcycle::anonymize
