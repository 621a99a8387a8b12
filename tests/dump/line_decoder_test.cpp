#include "pgcycle/dump/line_decoder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/hash.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::dump {
namespace {

std::string names(const std::string& encoding) {
  return fmt::format("SET client_encoding = '{}';", encoding);
}

TEST(LineDecoder, ConvertsFromTheEncodingThatTheDumpNames) {
  LineDecoder decoder("a.sql");
  EXPECT_EQ(decoder.decode("-- caf\xe9", 1, false), "-- caf\xe9");  // not known yet
  EXPECT_EQ(decoder.decode(names("LATIN1"), 2, true), names("UTF8"));
  EXPECT_EQ(decoder.decode("1\tplain", 3, false), "1\tplain");
  EXPECT_EQ(decoder.decode("1\tcaf\xe9", 4, false), "1\tcafé");
  EXPECT_EQ(decoder.decode(names("WIN1252"), 5, false), names("WIN1252"));  // a row of a table
  EXPECT_EQ(decoder.decode(names("UTF8"), 6, true), names("UTF8"));         // another database's
  EXPECT_EQ(decoder.decode("1\tcafé", 7, false), "1\tcafé");
}

TEST(LineDecoder, LeavesUtf8AsItIs) {
  LineDecoder decoder("a.sql");
  EXPECT_EQ(decoder.decode(names("UTF8"), 1, true), names("UTF8"));
  EXPECT_EQ(decoder.decode("1\tcafé", 2, false), "1\tcafé");
}

TEST(LineDecoder, RefusesWhatNobodyCanRead) {
  LineDecoder ascii("a.sql");
  EXPECT_EQ(ascii.decode(names("SQL_ASCII"), 1, true), names("UTF8"));
  EXPECT_EQ(ascii.decode("1\tcafé", 2, false), "1\tcafé");
  const Error error = test::error_of([&] { ascii.decode("1\tcaf\xe9", 3, false); });
  EXPECT_EQ(error.code(), ErrorCode::input);
  EXPECT_EQ(error.location().line, 3);
  LineDecoder internal("a.sql");
  EXPECT_THROW(internal.decode(names("MULE_INTERNAL"), 1, true), Error);
  LineDecoder japanese("a.sql");
  japanese.decode(names("EUC_JP"), 1, true);
  EXPECT_THROW(japanese.decode("1\t\xa4", 2, false), Error);
}

// What the encoding writes as these bytes, or empty where it cannot be read.
std::string decoded(LineDecoder& decoder, const std::string& bytes) {
  try {
    return std::string(decoder.decode(bytes, 2, false));
  } catch (const Error&) {
    return {};
  }
}

// Held against the server's own conversions. Vendors differ in a few signs of the large sets, and a
// C library may lack some of them.
TEST(LineDecoder, AgreesWithTheServer) {
  test::TestDatabase database;
  auto connection = database.connect();
  connection.execute(R"(
CREATE FUNCTION pg_temp.signs(encoding name) RETURNS TABLE (sign text, bytes bytea) LANGUAGE plpgsql AS $$
BEGIN
  FOR code IN 128..55295 LOOP
    BEGIN
      sign := chr(code);
      bytes := convert_to(sign, encoding);
      RETURN NEXT;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $$)");
  const auto encodings = connection.query(
      "SELECT DISTINCT pg_encoding_to_char(n) FROM generate_series(1, 34) n WHERE "
      "pg_encoding_to_char(n) NOT IN ('', 'UTF8', 'MULE_INTERNAL', 'SQL_ASCII')");
  EXPECT_GT(encodings.size(), 25U);
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const std::string encoding = encodings.get(i, 0);
    const auto signs =
        connection.query("SELECT sign, encode(bytes, 'hex') FROM pg_temp.signs($1)", {encoding});
    const bool is_large = signs.size() > 256;
    LineDecoder decoder("a.sql");
    try {
      decoder.decode(names(encoding), 1, true);
    } catch (const Error& error) {
      EXPECT_TRUE(is_large && iconv_name_of(encoding)) << error.message();
      continue;
    }
    std::size_t others = 0;
    std::size_t refused = 0;
    for (std::size_t row = 0; row < signs.size(); ++row) {
      const auto bytes = from_hex(signs.get(row, 1));
      const std::string sign = decoded(decoder, {bytes.begin(), bytes.end()});
      if (sign.empty()) ++refused;
      if (!sign.empty() && sign != signs.get(row, 0)) ++others;
    }
    EXPECT_LE(others, is_large ? 3U : 0U) << encoding;
    EXPECT_LE(refused, is_large ? signs.size() / 4 : 0U) << encoding;
  }
}

}  // namespace
}  // namespace pgcycle::dump
