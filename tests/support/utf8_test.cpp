#include "pgcycle/support/utf8.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

TEST(Utf8, AllCodePointsAndNothingElse) {
  for (char32_t code = 0; code < 0x120000; ++code) {
    std::string text;
    append_code_point(text, code);
    const bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    ASSERT_EQ(is_utf8(text), valid) << static_cast<unsigned>(code);
    ASSERT_EQ(is_utf8("forty bytes of ASCII stand in front of: " + text), valid);
    if (text.size() == 1) continue;
    ASSERT_FALSE(is_utf8(text.substr(0, text.size() - 1)));
    ASSERT_FALSE(is_utf8(text.substr(1)));
  }
  for (const char* wrong : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                            "\xf5\x80\x80\x80", "\xff", "a\xe9", "\xe9 a"}) {
    EXPECT_FALSE(is_utf8(wrong)) << wrong;
  }
}

// Held against the server's own check.
TEST(Utf8, AgreesWithTheServer) {
  test::TestDatabase database;
  auto connection = database.connect();
  connection.execute(R"(
CREATE FUNCTION pg_temp.is_utf8(bytes bytea) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  PERFORM convert_from(bytes, 'UTF8');
  RETURN true;
EXCEPTION WHEN character_not_in_repertoire THEN RETURN false;
END $$)");
  std::mt19937 random(test::test_seed());
  std::string values;
  std::vector<bool> ours;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (unsigned parts = random() % 8; parts > 0; --parts) {
      append_code_point(text,
                        1 + static_cast<char32_t>(random() % (random() % 2 == 0 ? 0x7f : 0x2ffff)));
    }
    if (!text.empty() && random() % 2 == 0)
      text[random() % text.size()] = static_cast<char>(1 + random() % 255);
    ours.push_back(is_utf8(text));
    values += i == 0 ? "('\\x" : ",('\\x";
    for (const char c : text) values += fmt::format("{:02x}", static_cast<unsigned char>(c));
    values += "'::bytea)";
  }
  const auto theirs =
      connection.query("SELECT pg_temp.is_utf8(b) FROM (VALUES " + values + ") v (b)");
  for (std::size_t i = 0; i < ours.size(); ++i)
    EXPECT_EQ(theirs.get(i, 0), ours[i] ? "t" : "f") << i;
}

}  // namespace
}  // namespace pgcycle
