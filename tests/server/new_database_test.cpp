#include "pgcycle/server/new_database.hpp"

#include <gtest/gtest.h>

#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/support/error.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using Provider = DatabaseLocale::Provider;

TEST(DatabaseLocale, IsReadAsPgDumpWritesIt) {
  EXPECT_EQ(locale_in("CREATE DATABASE shop WITH TEMPLATE = template0 ENCODING = 'UTF8' "
                      "LOCALE_PROVIDER = libc LOCALE = 'de_DE.UTF-8';"),
            (DatabaseLocale{"UTF8", Provider::libc, "de_DE.UTF-8", "de_DE.UTF-8", "", ""}));
  EXPECT_EQ(locale_in("CREATE DATABASE \"a ENCODING = 'X'\" WITH TEMPLATE = template0 ENCODING = "
                      "'LATIN1' LC_COLLATE = 'C' LC_CTYPE = 'de_DE' TABLESPACE = encoding;"),
            (DatabaseLocale{"LATIN1", Provider::libc, "C", "de_DE", "", ""}));
  EXPECT_EQ(
      locale_in("CREATE DATABASE i WITH TEMPLATE = template0 ENCODING = 'UTF8' "
                "LOCALE_PROVIDER = icu LOCALE = 'C' ICU_LOCALE = 'de-DE' ICU_RULES = '&a<b';"),
      (DatabaseLocale{"UTF8", Provider::icu, "C", "C", "de-DE", "&a<b"}));
  EXPECT_EQ(
      locale_in("CREATE DATABASE b WITH TEMPLATE = template0 ENCODING = 'UTF8' "
                "LOCALE_PROVIDER = builtin LOCALE = 'en_US.UTF-8' BUILTIN_LOCALE = 'C.UTF-8';"),
      (DatabaseLocale{"UTF8", Provider::builtin, "en_US.UTF-8", "en_US.UTF-8", "C.UTF-8", ""}));
  EXPECT_EQ(locale_in("CREATE DATABASE plain;"), std::nullopt);
  EXPECT_EQ(locale_in("CREATE TABLE t (encoding text DEFAULT 'UTF8');"), std::nullopt);
  EXPECT_EQ(locale_in("CREATE DATABASE d ENCODING ="), std::nullopt);
  EXPECT_EQ(locale_in("CREATE DATABASE d ENCODING = 'UT"), std::nullopt);
}

TEST(DatabaseLocale, InUtf8) {
  const auto of = [](const std::string& collate) {
    return DatabaseLocale{"LATIN1", Provider::libc, collate, collate, "", ""}.in_utf8().collate;
  };
  EXPECT_EQ(of("de_DE"), "de_DE.UTF-8");
  EXPECT_EQ(of("de_DE.ISO8859-15@euro"), "de_DE.UTF-8");
  EXPECT_EQ(of("C"), "C");
  const DatabaseLocale utf8{"UTF8", Provider::libc, "tr_TR.utf8", "C", "", ""};
  EXPECT_EQ(utf8.in_utf8(), utf8);
}

class NewDatabaseTest : public testing::Test {
 protected:
  NewDatabaseTest()
      : target_(database_.target()),
        maintenance_(open_maintenance(target_, test::silent())),
        fresh_(maintenance_, target_.info.with_database("fresh_database")) {}
  ~NewDatabaseTest() override { drop_database(maintenance_, "fresh_database"); }

  // Made as near as can be: what it became, and what was told.
  std::pair<DatabaseLocale, std::string> near(const DatabaseLocale& locale) {
    drop_database(maintenance_, "fresh_database");
    test::RecordingReporter reporter;
    fresh_.create_near(locale, reporter);
    return {now(), reporter.text()};
  }
  DatabaseLocale now() {
    auto connection = postgres::Connection::open(fresh_.info());
    const bool named = maintenance_.server_version() >= 150000;
    const bool renamed = maintenance_.server_version() >= 170000;
    const auto row = connection.query(
        std::string("SELECT pg_encoding_to_char(encoding), datcollate, datctype, ") +
        (named ? "datlocprovider, " : "'c', ") +
        (renamed ? "coalesce(datlocale, '')"
         : named ? "coalesce(daticulocale, '')"
                 : "''") +
        " FROM pg_database WHERE datname = current_database()");
    const char provider = row.get(0, 3)[0];
    return {row.get(0, 0),
            provider == 'c'   ? Provider::libc
            : provider == 'i' ? Provider::icu
                              : Provider::builtin,
            row.get(0, 1),
            row.get(0, 2),
            row.get(0, 4),
            ""};
  }

  test::TestDatabase database_;
  Target target_;
  postgres::Connection maintenance_;
  NewDatabase fresh_;
};

TEST_F(NewDatabaseTest, TakesOverEncodingAndLocale) {
  const DatabaseLocale ascii{"SQL_ASCII", Provider::libc, "C", "C", "", ""};
  fresh_.create(ascii);
  EXPECT_EQ(now(), ascii);
  const DatabaseLocale latin{"LATIN1", Provider::libc, "C", "C", "", ""};
  EXPECT_EQ(near(latin), std::pair(latin, std::string()));
}

TEST_F(NewDatabaseTest, CodePointsAreSortedWithoutTheCLibrary) {
  const auto [locale, told] = near({"UTF8", Provider::libc, "C.UTF-8", "C.UTF-8", "", ""});
  EXPECT_EQ(locale, (DatabaseLocale{"UTF8", Provider::libc, "C", "C.UTF-8", "", ""}));
  EXPECT_EQ(told, "");
}

TEST_F(NewDatabaseTest, TakesWhatIsNearestToALocaleThatIsMissing) {
  const DatabaseLocale missing{"UTF8", Provider::libc, "xx_XX.UTF-8", "xx_XX.UTF-8", "", ""};
  EXPECT_THROW(fresh_.create(missing), Error);
  const auto [locale, told] = near(missing);
  EXPECT_EQ(locale.encoding, "UTF8");
  EXPECT_NE(told.find("does not have the locale xx_XX.UTF-8 (UTF8)"), std::string::npos) << told;

  const auto [windows, told_of_windows] =
      near({"WIN1252", Provider::libc, "German_Germany.1252", "German_Germany.1252", "", ""});
  EXPECT_EQ(windows.encoding, "UTF8");
  EXPECT_NE(told_of_windows.find("as is usual on the server"), std::string::npos);
}

TEST_F(NewDatabaseTest, SortsByIcuWhatTheCLibraryCannot) {
  if (maintenance_.server_version() < 150000) GTEST_SKIP() << "ICU is of PostgreSQL 15";
  const auto has_icu =
      maintenance_.query("SELECT count(*) FROM pg_collation WHERE collprovider = 'i'");
  if (has_icu.integer(0, 0) == 0) GTEST_SKIP() << "the server is built without ICU";
  // No C library has the first encoding's locale; Danish sorts aa behind z.
  const auto [locale, told] =
      near({"LATIN1", Provider::libc, "da_DK.NOSUCH", "da_DK.NOSUCH", "", ""});
  auto connection = postgres::Connection::open(fresh_.info());
  EXPECT_EQ(connection.query("SELECT 'aa' > 'z'").get(0, 0), "t");
  EXPECT_NE(told.find("text sorts by da"), std::string::npos) << told;
}

}  // namespace
}  // namespace pgcycle::server
