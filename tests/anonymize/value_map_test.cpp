#include "pgcycle/anonymize/value_map.hpp"

#include <gtest/gtest.h>

namespace pgcycle::anonymize {
namespace {

void expect_map(const ValueMap& map, std::string_view input, std::optional<std::string> wanted) {
  EXPECT_EQ(map(input, {}), wanted);
  std::string out = "before,";
  EXPECT_EQ(map.append(out, input, {}), wanted.has_value());
  EXPECT_EQ(out, "before," + wanted.value_or(""));
}

TEST(ValueMap, IsMadeOfWhatReturnsOrAppends) {
  expect_map([](std::string_view text, const MaskRow&) { return std::string(text) + "!"; }, "a",
             "a!");
  expect_map([](std::string_view, const MaskRow&) { return std::nullopt; }, "a", std::nullopt);
  const ValueMap some = [](std::string_view text, const MaskRow&) -> std::optional<std::string> {
    return text == "a" ? std::optional<std::string>("b") : std::nullopt;
  };
  expect_map(some, "a", "b");
  expect_map(some, "c", std::nullopt);
  const ValueMap appending = [](std::string_view text, const MaskRow& row, std::string& out) {
    if (row.values.empty() && text.empty()) return false;
    out += text;
    return true;
  };
  expect_map(appending, "a", "a");
  expect_map(appending, "", std::nullopt);
  EXPECT_TRUE(static_cast<bool>(appending));
  EXPECT_FALSE(static_cast<bool>(ValueMap()));
}

}  // namespace
}  // namespace pgcycle::anonymize
