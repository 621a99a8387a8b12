#include "pgcycle/catalog/content_hash.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::catalog {
namespace {

class ContentHashTest : public testing::Test {
 protected:
  // What the table t holds after these statements.
  TableContent content(const std::string& statements) {
    connection_.execute("DROP TABLE IF EXISTS public.t; SET search_path = public;" + statements);
    return content_of(connection_).at("public.t");
  }
  TableContent rows(const std::string& values) {
    return content("CREATE TABLE t (a text, b text); INSERT INTO t VALUES " + values);
  }

  test::TestDatabase database_;
  postgres::Connection connection_ = database_.connect();
};

TEST_F(ContentHashTest, DoesNotDependOnTheOrderOfRowsAndColumns) {
  const TableContent one = rows("('x', NULL), ('y', '1')");
  EXPECT_EQ(one.rows, 2);
  EXPECT_EQ(rows("('y', '1'), ('x', NULL)"), one);
  EXPECT_EQ(
      content("CREATE TABLE t (b text, a text); INSERT INTO t VALUES (NULL, 'x'), ('1', 'y')"),
      one);
}

TEST_F(ContentHashTest, TellsValuesApart) {
  for (const auto& [one, other] : std::vector<std::pair<std::string, std::string>>{
           {"('x', NULL)", "(NULL, 'x')"},
           {"('', 'x')", "(NULL, 'x')"},
           {"('', NULL)", "(NULL, '')"},
           {"('xy', '')", "('x', 'y')"},
           {"('x', 'y')", "('y', 'x')"},
           {"('x', 'y'), ('z', 'z')", "('x', 'z'), ('z', 'y')"},
           {"('x', 'y'), ('x', 'y')", "('x', 'y'), ('x', 'z')"},
           {"(NULL, NULL)", "('', '')"}}) {
    EXPECT_NE(rows(one), rows(other)) << one << " and " << other;
  }
}

TEST_F(ContentHashTest, ReadsTablesOfAnyWidth) {
  for (const int columns : {0, 1, 49, 50, 51, 400, 1600}) {
    std::string defined;
    for (int i = 0; i < columns; ++i) {
      defined += fmt::format("{}c{} bool", i == 0 ? "" : ", ", i);
    }
    const std::string table =
        fmt::format("CREATE TABLE t ({}); INSERT INTO t DEFAULT VALUES", defined);
    const TableContent nulls = content(table);
    EXPECT_EQ(nulls.rows, 1) << columns;
    EXPECT_EQ(content(table), nulls) << columns;
    if (columns == 0) continue;
    for (const int changed : {0, columns - 1}) {
      EXPECT_NE(content(fmt::format("{}; UPDATE t SET c{} = false", table, changed)), nulls)
          << columns;
    }
  }
}

}  // namespace
}  // namespace pgcycle::catalog
