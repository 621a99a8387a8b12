#include "pgcycle/migrate/map_columns.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

class MapColumnsTest : public testing::Test {
 protected:
  // Maps the column `old` of this type, with these values, to `new` of that type; the new values.
  std::string map(const std::string& from, const std::string& values, const std::string& to,
                  const std::string& more = {}) {
    database_.run("DROP TABLE IF EXISTS p; CREATE TABLE p (old " + from + ", new " + to +
                  "); INSERT INTO p VALUES " + values);
    const std::filesystem::path file = directory_.write(
        "p.map-columns.json", R"({"from": "p", "columns": {"new": {"from": "old")" + more + "}}}");
    auto connection = database_.connect();
    postgres::Transaction transaction(connection);
    run_map_columns(connection, file);
    transaction.commit();
    return database_.value(
        "SELECT string_agg(coalesce(new::text, '-'), ' ' ORDER BY old::text) FROM p");
  }

  test::TestDatabase database_;
  test::TestDirectory directory_;
};

TEST_F(MapColumnsTest, CastsAsPostgresDoes) {
  EXPECT_EQ(map("bool", "(true), (false), (NULL)", "int"), "0 1 -");
  EXPECT_EQ(map("int", "(0), (1)", "bool"), "false true");
  EXPECT_EQ(map("int", "(5), (2)", "bit(3)"), "010 101");
  EXPECT_EQ(map("numeric", "(12.5), (3)", "money"), "$12.50 $3.00");
  EXPECT_EQ(map("timestamp", "('2026-01-02 00:00')", "date"), "2026-01-02");
  EXPECT_EQ(map("jsonb", "('5'), ('7')", "int"), "5 7");
  EXPECT_EQ(map("int[]", "('{1,2}')", "bigint[]"), "{1,2}");
  EXPECT_EQ(map("text", "('b'), ('a')", "varchar(1)"), "a b");
}

TEST_F(MapColumnsTest, AValueIsLostWhereItIsNotTheSame) {
  EXPECT_EQ(map("numeric", "(1.5), (2)", "numeric(10, 2)"), "1.50 2.00");
  EXPECT_EQ(map("float8", "(1.5), (2)", "int", R"(, "mayLose": 1)"), "2 2");
  struct Lost {
    std::string from, value, to;
  };
  for (const Lost& lost : std::vector<Lost>{{"numeric", "(1.555)", "numeric(10, 2)"},
                                            {"int", "(7)", "bool"},
                                            {"timestamp", "('2026-01-02 03:04')", "date"},
                                            {"text", "('abc')", "varchar(2)"},
                                            {"text", "('01')", "int"}}) {
    EXPECT_EQ(test::error_of([&] { map(lost.from, lost.value, lost.to); }).code(), ErrorCode::check)
        << lost.from << " to " << lost.to;
  }
}

TEST_F(MapColumnsTest, OnlyBadValuesTakeTheDefault) {
  const std::string bad = R"(, "badValues": "default", "default": "9")";
  EXPECT_EQ(map("bool", "(true), (NULL)", "int", bad), "1 9");
  EXPECT_EQ(map("text", "('1'), ('x')", "int", bad + R"(, "mayLose": 1)"), "1 9");
}

}  // namespace
}  // namespace pgcycle::migrate
