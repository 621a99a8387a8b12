#include "pgcycle/postgres/copy_binary.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/support/error.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

using test::TestDatabase;

struct Kind {
  std::string type;
  BinaryForm form;
  std::string make;                 // an expression of a random value of it
  std::vector<std::string> taken;   // texts that have a binary form here
  std::vector<std::string> passed;  // and that have none
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds{
      {"bool",
       BinaryForm::boolean,
       "random() < 0.5",
       {"t", "false"},
       {"yes", "1", "", " t", "TRUE"}},
      {"int2",
       BinaryForm::int2,
       "(random() * 65535 - 32768)::int2",
       {"-32768", "32767", "0", "-0", "007"},
       {"32768", "", "-", "+1", " 1", "1 ", "1.0", "1e2", "0x1"}},
      {"int4",
       BinaryForm::int4,
       "(random() * 4294967295 - 2147483648)::int4",
       {"-2147483648", "2147483647"},
       {"2147483648"}},
      {"int8",
       BinaryForm::int8,
       "((random() - 0.5) * 18446744073709549568)::int8",
       {"-9223372036854775808", "9223372036854775807"},
       {"9223372036854775808"}},
      {"float4",
       BinaryForm::float4,
       "(random() * 10 ^ (random() * 60 - 30))::float4",
       {"0", "-0", "1e10", "0.1", "3.4028235e+38", "1e-45", "1.17549435e-38"},
       {"NaN", "Infinity", "-Infinity", "1e39", "1e-60", "", ".5", "inf", "-nan"}},
      {"float8",
       BinaryForm::float8,
       "(random() - 0.5) * 10 ^ (random() * 500 - 250)",
       {"-0", "0.1", "1.7976931348623157e+308", "5e-324", "2.2250738585072014e-308"},
       {"NaN", "Infinity", "1e309", "1e-400"}},
      {"numeric",
       BinaryForm::numeric,
       "round(((random() - 0.5) * 10 ^ (random() * 60 - 30))::numeric, (random() * 40)::int)",
       {"0", "-0", "0.0", "-0.000", "10000", "9999", "1000000000000", "0.0001", "0.00001",
        "-12345.6789", "00012.100", "1.10", std::string(300, '9') + "." + std::string(90, '7'),
        "0." + std::string(100, '0') + "1"},
       {"NaN", "Infinity", "1e5", ".5", "5.", "", "-", "1_000", "12a", std::string(500, '1')}},
      {"numeric(12,3)",
       BinaryForm::numeric,
       "round(((random() - 0.5) * 1000000)::numeric, 6)",
       {"1.23456", "-999999999.9994"},
       {}},
      {"text",
       BinaryForm::text,
       "CASE WHEN random() < 0.1 THEN '' ELSE repeat(chr((random() * 900)::int + 1), (random() * "
       "20)::int) || E'\\\\\\t\\n' END",
       {"", "\\N", "\\.", "é漢👍"},
       {}},
      {"varchar(12)",
       BinaryForm::text,
       "repeat('é', (random() * 12)::int)",
       {"1234567890 2       "},
       {}},
      {"char(5)", BinaryForm::text, "repeat('é', (random() * 5)::int)", {"", "a  ", "123  "}, {}},
      {"json",
       BinaryForm::text,
       "json_build_object('a', random(), 'b', '[1]'::json)",
       {"{ \"a\":1 }", "null"},
       {}},
      {"jsonb",
       BinaryForm::jsonb,
       "jsonb_build_object('a', random(), 'b', '[1]'::jsonb)",
       {"{ \"b\": 1, \"a\":1.00 }", "null", "\"\\u00e9\""},
       {}},
      {"bytea",
       BinaryForm::bytea,
       "decode(repeat(md5(random()::text), (random() * 5)::int), 'hex')",
       {"\\x", "\\x00ff"},
       {"", "\\x0", "\\x0g", "abc", "\\000", "\\x00FF", "\\x 00"}},
      {"uuid",
       BinaryForm::uuid,
       "md5(random()::text)::uuid",
       {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
       {"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1-", ""}},
      {"date",
       BinaryForm::date,
       "date '0001-01-01' + (random() * 3652058)::int",
       {"2000-02-29", "1900-02-28", "9999-12-31", "0001-01-01"},
       {"1900-02-29", "2001-02-30", "2026-13-01", "2026-00-01", "0000-01-01", "10000-01-01",
        "2026-01-01 BC", "infinity", "2026-1-1", "20260101", "", "2026-01-01 00:00:00",
        "01-02-2026"}},
      {"time",
       BinaryForm::time,
       "time '00:00' + random() * interval '24 hours'",
       {"00:00:00", "23:59:59.999999", "12:00:00.5"},
       {"24:00:00", "12:00", "12:00:60", "12:00:00.", "12:00:00.1234567", "1:00:00",
        "12:00:00 PM"}},
      {"timestamp",
       BinaryForm::timestamp,
       "timestamp '0001-01-01' + random() * interval '9998 years'",
       {"2026-11-23 12:34:56.789", "1999-12-31 23:59:59.999999"},
       {"2026-11-23", "2026-11-23T12:00:00", "2026-11-23 12:00:00+00", "infinity",
        "2026-11-23 12:00:00 BC", "now", "2026-11-23 24:00:00"}},
      {"timestamptz",
       BinaryForm::timestamptz,
       "timestamptz '0002-01-01' + random() * interval '9990 years'",
       {"2026-11-23 12:34:56.789+00", "2026-11-23 12:00:00+05:30", "2026-11-23 12:00:00-03:30:15",
        "1999-12-31 23:59:59.999999-08", "2000-01-01 00:00:00+15:59:59", "0001-01-01 00:00:00+01"},
       {"2026-11-23 12:00:00", "2026-11-23 12:00:00 UTC", "2026-11-23 12:00:00Z",
        "2026-11-23 12:00:00+16", "2026-11-23 12:00:00+05:60", "-infinity",
        "2026-11-23 12:00:00+0530", "2026-11-23 12:00:00+00 BC", "2026-11-23 12:00:00+5"}},
      {"timestamptz(2)",
       BinaryForm::timestamptz,
       "timestamptz '2000-01-01' + random() * interval '100 years'",
       {"2026-11-23 12:34:56.785+00"},
       {}}};
  return kKinds;
}

class CopyBinaryTest : public testing::Test {
 protected:
  // By both formats into a table each.
  void load(const Kind& kind, const std::vector<std::string>& texts) {
    connection_.execute(fmt::format(
        "DROP TABLE IF EXISTS pg_temp.a, pg_temp.b; CREATE TEMP TABLE a (n serial, v {0}); CREATE "
        "TEMP TABLE b (n serial, v {0})",
        kind.type));
    std::size_t at = 0;
    connection_.copy_in("COPY a (v) FROM STDIN", [&](std::string& out) {
      if (at == texts.size()) return false;
      append_copy_field(out, texts[at++]);
      out += '\n';
      return true;
    });
    at = 0;
    connection_.copy_in("COPY b (v) FROM STDIN (FORMAT binary)", [&](std::string& out) {
      if (at == 0) append_binary_header(out);
      if (at == texts.size()) {
        append_binary_trailer(out);
        return false;
      }
      append_binary_row(out, 1);
      EXPECT_TRUE(append_binary_field(out, kind.form, texts[at])) << kind.type << ": " << texts[at];
      ++at;
      return true;
    });
  }
  // As the server keeps them, where both differ.
  std::string difference(const Kind& kind) {
    const auto rows = connection_.query(fmt::format(
        "SELECT a.v::text, b.v::text FROM a JOIN b USING (n) WHERE a.v::text IS DISTINCT FROM "
        "b.v::text OR {0}(a.v)::text IS DISTINCT FROM {0}(b.v)::text OR pg_column_size(a.v) <> "
        "pg_column_size(b.v)",
        send_function(kind.type)));
    return rows.empty() ? "" : fmt::format("{} and {}", rows.get(0, 0), rows.get(0, 1));
  }
  std::string send_function(const std::string& type) {
    return connection_.query("SELECT typsend::text FROM pg_type WHERE oid = $1::regtype", {type})
        .get(0, 0);
  }

  TestDatabase database_;
  Connection connection_ = database_.connect();
};

TEST_F(CopyBinaryTest, KnowsItsTypes) {
  for (const Kind& kind : kinds()) {
    const auto oid = connection_.query("SELECT $1::regtype::oid", {kind.type}).integer(0, 0);
    EXPECT_EQ(binary_form(static_cast<std::uint32_t>(oid)), kind.form) << kind.type;
  }
  EXPECT_EQ(binary_form(1186), std::nullopt);  // interval
}

TEST_F(CopyBinaryTest, TakesWhatTheServerWrites) {
  const auto seed = test::test_seed() % 1000;
  connection_.execute(fmt::format("SELECT setseed({}); SET timezone = 'Asia/Kathmandu'",
                                  static_cast<double>(seed) / 1000));
  for (const Kind& kind : kinds()) {
    const auto rows = connection_.query(
        fmt::format("SELECT ({})::{}::text FROM generate_series(1, 500)", kind.make, kind.type));
    std::vector<std::string> texts = kind.taken;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // Of years of five digits there are some.
      std::string out;
      if (append_binary_field(out, kind.form, rows.get(i, 0))) texts.push_back(rows.get(i, 0));
    }
    EXPECT_GT(texts.size(), 490U) << kind.type;
    load(kind, texts);
    EXPECT_EQ(difference(kind), "") << kind.type;
  }
}

TEST_F(CopyBinaryTest, LeavesTheRestToTheServer) {
  for (const Kind& kind : kinds()) {
    for (const std::string& text : kind.passed) {
      std::string out = "before";
      EXPECT_FALSE(append_binary_field(out, kind.form, text)) << kind.type << ": " << text;
      EXPECT_EQ(out, "before");
    }
  }
}

// Whatever is taken is what the server takes it for.
TEST_F(CopyBinaryTest, TakesNothingOtherwiseThanTheServer) {
  std::mt19937 random(test::test_seed());
  constexpr std::string_view kCharacters = "0123456789-+.: eE0123456789tf\\xabc";
  for (const Kind& kind : kinds()) {
    if (kind.form == BinaryForm::text || kind.form == BinaryForm::jsonb) continue;
    std::vector<std::string> texts;
    for (int i = 0; i < 4000; ++i) {
      std::string text = kind.taken[random() % kind.taken.size()];
      for (auto edits = 1 + random() % 3; edits > 0; --edits) {
        const std::size_t at = text.empty() ? 0 : random() % text.size();
        const char other = kCharacters[random() % kCharacters.size()];
        switch (random() % 3) {
          case 0:
            text.insert(at, 1, other);
            break;
          case 1:
            if (!text.empty()) text.erase(at, 1);
            break;
          default:
            if (!text.empty()) text[at] = other;
        }
      }
      std::string out;
      if (append_binary_field(out, kind.form, text)) texts.push_back(text);
    }
    if (texts.empty()) continue;
    try {
      load(kind, texts);
      EXPECT_EQ(difference(kind), "") << kind.type;
    } catch (const Error& error) {
      // Too much for the type's own bounds, in both formats: one by one.
      for (const std::string& text : texts) {
        try {
          load(kind, {text});
          EXPECT_EQ(difference(kind), "") << kind.type << ": " << text;
        } catch (const Error& one) {
          EXPECT_EQ(kind.type + " " + one.sqlstate(), "numeric(12,3) 22003") << text;
        }
      }
    }
  }
}

}  // namespace
}  // namespace pgcycle::postgres
