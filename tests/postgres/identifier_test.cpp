#include "pgcycle/postgres/identifier.hpp"

#include <gtest/gtest.h>

#include "pgcycle/postgres/connection.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

TEST(Quoting, IsReadBackByTheServer) {
  auto connection = Connection::open(test::server_info());
  for (const std::string text : {"plain", "Mixed Case", "with \"quotes\"", "it's", "back\\slash",
                                 "naïve 漢", "a.b", "%", " "}) {
    const Result result =
        connection.query("SELECT " + quote_literal(text) + " AS " + quote_identifier(text));
    EXPECT_EQ(result.get(0, 0), text);
    EXPECT_EQ(result.column_name(0), text);
    EXPECT_EQ(split_name(display_identifier(text)), std::vector<std::string>{text});
  }
}

TEST(QualifiedName, IsReadBySqlsRules) {
  EXPECT_EQ(QualifiedName::parse("Users"), (QualifiedName{"public", "users"}));
  EXPECT_EQ(QualifiedName::parse("audit.\"Odd.Name\""), (QualifiedName{"audit", "Odd.Name"}));
  EXPECT_EQ(split_name("a.\"b\"\"c\".D"), (std::vector<std::string>{"a", "b\"c", "d"}));
  for (const char* wrong : {"", "a..b", "\"open", "a b", ".a"}) {
    EXPECT_THROW(split_name(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace pgcycle::postgres
