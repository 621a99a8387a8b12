#include "pgcycle/server/guard.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;
using test::TestDirectory;

class GuardTest : public testing::Test {
 protected:
  Config config(const std::string& text) {
    return Config::load(directory_.write("pgcycle.json", text), test::process_environment());
  }
  // The test server as a stranger sees it: a host, no mark, nothing listed.
  Target external() const { return {database_.info(), ServerKind::external, "test"}; }
  void require(const Target& target, const Config& config) {
    auto maintenance = open_maintenance(target, test::silent());
    require_test_database(maintenance, target, config, test::silent(), "reset the database");
  }
  std::string host() const { return test::server_info().get("host"); }

  TestDirectory directory_;
  TestDatabase database_;
};

TEST_F(GuardTest, RefusesWhatIsNotProven) {
  const Error error = test::error_of([&] { require(external(), config("{}")); });
  EXPECT_EQ(error.code(), ErrorCode::guard);
  EXPECT_EQ(error.exit_status(), 5);
  EXPECT_NE(error.hint().find("guard.allow"), std::string::npos);
}

TEST_F(GuardTest, PassesTheManagedServerAMarkAndAListedDatabase) {
  EXPECT_NO_THROW(require(database_.target(), config("{}")));
  EXPECT_NO_THROW(require(external(), config(R"({"guard": {"allow": [")" + host() + "/" +
                                             database_.name() + R"("]}})")));
  EXPECT_THROW(require(external(), config(R"({"guard": {"allow": [")" + host() + R"(/other"]}})")),
               Error);
  auto maintenance = open_maintenance(external(), test::silent());
  mark_test_database(maintenance, database_.name());
  EXPECT_NO_THROW(require(external(), config("{}")));
}

TEST_F(GuardTest, AMarkDoesNotHoldForACopyOrAfterARename) {
  auto maintenance = open_maintenance(external(), test::silent());
  mark_test_database(maintenance, database_.name());
  EXPECT_TRUE(is_marked_test_database(maintenance, database_.name()));
  maintenance.execute("CREATE DATABASE copied TEMPLATE " + database_.name());
  EXPECT_FALSE(is_marked_test_database(maintenance, "copied"));
  // Somebody puts another database into the place of the marked one.
  maintenance.execute("ALTER DATABASE " + database_.name() + " RENAME TO was_marked");
  maintenance.execute("ALTER DATABASE copied RENAME TO " + database_.name());
  EXPECT_FALSE(is_marked_test_database(maintenance, database_.name()));
  maintenance.execute("DROP DATABASE was_marked");
}

TEST_F(GuardTest, RefusesProductionHoweverItIsNamed) {
  const std::string name = database_.name();
  auto maintenance = open_maintenance(external(), test::silent());
  mark_test_database(maintenance, name);
  maintenance.execute("DROP ROLE IF EXISTS someone; CREATE ROLE someone LOGIN SUPERUSER");
  for (const std::string& url :
       {database_.info().uri(true), "host=" + host() + " user=postgres dbname=" + name,
        "host=" + host() + " user=someone dbname=" + name + " application_name=x",
        "postgresql://someone@/" + name + "?host=" + host() + "&connect_timeout=3"}) {
    const Config production = config(R"({"production": {"url": ")" + url + R"("}})");
    const Error error = test::error_of([&] { require(external(), production); });
    EXPECT_EQ(error.code(), ErrorCode::guard) << url;
    EXPECT_THROW(require(database_.target(), production), Error) << url;
  }
  // Another database of that server is not production.
  EXPECT_NO_THROW(require(external(), config(R"({"production": {"url": "host=)" + host() +
                                             R"( user=postgres dbname=postgres"}})")));
}

}  // namespace
}  // namespace pgcycle::server
