#include "pgcycle/postgres/sql_lexer.hpp"

#include <gtest/gtest.h>

#include "pgcycle/postgres/connection.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

std::vector<std::string> texts(const std::string& sql) {
  std::vector<std::string> out;
  for (const SqlStatement& statement : split_sql(sql, "f.sql").statements) {
    out.push_back(statement.text);
  }
  return out;
}

TEST(SplitSql, SplitsWherePsqlWould) {
  EXPECT_EQ(texts("SELECT 1; SELECT 2"), (std::vector<std::string>{"SELECT 1", "SELECT 2"}));
  EXPECT_EQ(texts("SELECT ';', E'\\';', \";\", $$;$$, $a$;$$;$a$; SELECT 2;").size(), 2U);
  EXPECT_EQ(texts("/* ; /* nested ; */ ; */ SELECT 1 -- ;\n; ;").size(), 1U);
  EXPECT_EQ(
      texts("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); SELECT 1").size(),
      2U);
  EXPECT_EQ(texts("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true "
                  "THEN 1 END; END; SELECT 2")
                .size(),
            2U);
}

TEST(SplitSql, TakesTheRowsBehindCopyFromStdin) {
  const SqlFile file =
      split_sql("COPY t (a, b) FROM stdin;\n1\t;\n2\t\\.x\n\\.\nSELECT 1;\n", "f.sql");
  ASSERT_EQ(file.statements.size(), 2U);
  EXPECT_EQ(file.statements[0].copy_data, "1\t;\n2\t\\.x\n");
  EXPECT_EQ(file.statements[1].place.line, 5);
}

TEST(SplitSql, AllowsACommentBehindCopyFromStdin) {
  const SqlFile file = split_sql("COPY t FROM stdin; -- one; row\n1\n\\.\nSELECT 1", "f.sql");
  ASSERT_EQ(file.statements.size(), 2U);
  EXPECT_EQ(file.statements[0].copy_data, "1\n");
  EXPECT_EQ(
      test::error_of([] { split_sql("COPY t FROM stdin; SELECT 1;\n1\n\\.\n", "f.sql"); }).code(),
      ErrorCode::input);
}

// Without standard_conforming_strings a backslash escapes in plain strings, and in no others.
TEST(SplitSql, ReadsStringsAsTheSessionDoes) {
  const auto without = [](const std::string& sql) {
    return texts("SET standard_conforming_strings TO off; " + sql).size() - 1;
  };
  EXPECT_EQ(without("SELECT 'a\\'; b'; SELECT 2"), 2U);
  EXPECT_EQ(without("SELECT N'a\\'; b'; SELECT 2"), 2U);
  EXPECT_EQ(without("SELECT U&'\\'; SELECT 2"), 2U);
  EXPECT_EQ(without("SELECT u&'wrong: \\061' UESCAPE '!'; SELECT 2"), 2U);
  EXPECT_EQ(without("SELECT B'1'; SELECT 2"), 2U);
}

TEST(SplitSql, KeepsCommentsWithTheirStatement) {
  const SqlFile file = split_sql("-- one\n-- two\nSELECT 1;\n-- last\n", "f.sql");
  ASSERT_EQ(file.statements[0].comments.size(), 2U);
  EXPECT_EQ(file.statements[0].comments[1].text, " two");
  EXPECT_EQ(file.statements[0].comments[1].place.line, 2);
  ASSERT_EQ(file.trailing_comments.size(), 1U);
}

TEST(SplitSql, NamesThePlaceOfWhatIsNotClosed) {
  for (const char* sql : {"SELECT 1;\n  'open", "SELECT 1;\n  \"open", "SELECT 1;\n  $x$ open",
                          "SELECT 1;\n  /* open"}) {
    const Error error = test::error_of([sql] { split_sql(sql, "f.sql"); });
    EXPECT_EQ(error.location(), (Location{"f.sql", 2, 3})) << sql;
  }
  EXPECT_EQ(test::error_of([] { split_sql("\\connect x\n", "f.sql"); }).code(),
            ErrorCode::unsupported);
  EXPECT_NO_THROW(split_sql("\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", "f.sql"));
}

TEST(SplitSql, FindsThePlaceOfAServersError) {
  auto connection = Connection::open(test::server_info());
  const SqlFile file = split_sql("SELECT 1;\n\nSELECT 'é',\n       nonsense;\n", "f.sql");
  EXPECT_THROW(connection.query(file.statements[1].text), Error);
  EXPECT_EQ(place_in_statement(file.statements[1], connection.last_error().position),
            (Location{"f.sql", 4, 8}));
}

}  // namespace
}  // namespace pgcycle::postgres
