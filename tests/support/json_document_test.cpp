#include "pgcycle/support/json_document.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

using Kind = JsonValue::Kind;

TEST(ParseJson, KnowsThePlaceOfEveryKeyAndValue) {
  const JsonValue root =
      parse_json("{\n  // a comment\n  \"a\": [1, \"ü\", {\"b\": null}]\n}", "f.json");
  const JsonValue* list = root.find("a");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(root.key_places[0].line, 3);
  EXPECT_EQ(root.key_places[0].column, 3);
  ASSERT_EQ(list->items.size(), 3U);
  EXPECT_EQ(list->items[0].place.line, 3);
  EXPECT_EQ(list->items[2].find("b")->kind, Kind::null);
  EXPECT_EQ(root.find("c"), nullptr);
}

TEST(ParseJson, KeepsTheDigitsOfNumbers) {
  const JsonValue root = parse_json("[1.50, 12345678901234567890123, 1E300, -0, 0.1e-7]", "f.json");
  EXPECT_EQ(root.to_json(), "[1.50, 12345678901234567890123, 1E300, -0, 0.1e-7]");
}

TEST(ParseJson, TellsWhereItIsMalformed) {
  const Error error = test::error_of([] { parse_json("{\n  \"a\": 1,\n  \"b\" 2\n}", "f.json"); });
  EXPECT_EQ(error.location().file, "f.json");
  EXPECT_EQ(error.location().line, 3);
}

TEST(ParseJson, RefusesARepeatedKey) {
  const Error error = test::error_of([] { parse_json("{\"a\": 1, \"a\": 2}", "f.json"); });
  EXPECT_NE(error.message().find("a"), std::string::npos);
  EXPECT_EQ(error.location().line, 1);
}

TEST(AppendJsonString, EscapesWhatMustBeEscaped) {
  std::string out;
  append_json_string(out, std::string_view("a\"b\\c\n\t\x01\x1f/é\xe2\x80\xa8", 15));
  EXPECT_EQ(parse_json(out, "f").text, std::string("a\"b\\c\n\t\x01\x1f/é\xe2\x80\xa8"));
  EXPECT_EQ(out.find('\n'), std::string::npos);
}

TEST(AppendJsonString, EscapesWhateverStandsWhere) {
  for (int byte = 0; byte < 128; ++byte) {
    for (std::size_t at = 0; at < 19; ++at) {
      std::string text(19, 'a');
      text[(at + 5) % 19] = '\x7f';
      text[at] = static_cast<char>(byte);
      text += "\u00e9\u4e2d";
      std::string json;
      append_json_string(json, text);
      ASSERT_EQ(parse_json(json, "json").text, text) << byte << " at " << at;
      const bool escaped = byte < 0x20 || byte == '"' || byte == '\\';
      ASSERT_EQ(json.size() > text.size() + 2, escaped) << byte << " at " << at;
    }
  }
}

}  // namespace
}  // namespace pgcycle
