#include "pgcycle/postgres/connection_info.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

TEST(ConnectionInfo, ReadsUrisPairsAndBareNames) {
  const auto uri =
      ConnectionInfo::parse("postgresql://me:p%40ss@db.example:5433/shop?sslmode=require");
  EXPECT_EQ(uri.get("host"), "db.example");
  EXPECT_EQ(uri.get("port"), "5433");
  EXPECT_EQ(uri.get("password"), "p@ss");
  EXPECT_EQ(uri.get("sslmode"), "require");
  EXPECT_EQ(uri.database(), "shop");
  const auto pairs = ConnectionInfo::parse("host='a b' dbname=x");
  EXPECT_EQ(pairs.get("host"), "a b");
  EXPECT_EQ(ConnectionInfo::parse("shop").database(), "shop");
}

TEST(ConnectionInfo, NeverShowsAPasswordUnasked) {
  const auto info = ConnectionInfo::parse("postgresql://me:s3cret@h/d");
  EXPECT_EQ(info.uri().find("s3cret"), std::string::npos);
  EXPECT_NE(info.uri(true).find("s3cret"), std::string::npos);
  const Error error = test::error_of([] { ConnectionInfo::parse("postgresql://me:s3cret@[h/d"); });
  EXPECT_EQ(format_error("p", error).find("s3cret"), std::string::npos) << format_error("p", error);
}

TEST(ConnectionInfo, SurvivesItsOwnForms) {
  const auto info =
      ConnectionInfo::parse("host=/tmp/a dbname='x y' user='o\\'brien' password='\\\\'");
  for (const auto& again :
       {ConnectionInfo::parse(info.uri(true)), ConnectionInfo::parse(info.conninfo())}) {
    EXPECT_EQ(again.keywords(), info.keywords());
  }
}

}  // namespace
}  // namespace pgcycle::postgres
