#include "pgcycle/server/database_properties.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;

// What pg_dumpall would say of a database's properties, in rows.
std::string properties_of(const TestDatabase& database) {
  return database.value(
      "SELECT concat_ws('|', pg_get_userbyid(datdba), datacl, datconnlimit, "
      "shobj_description(oid, 'pg_database'), (SELECT string_agg(s.setrole || ':' || "
      "array_to_string(s.setconfig, ';'), ' ' ORDER BY s.setrole) FROM pg_db_role_setting s "
      "WHERE s.setdatabase = d.oid)) FROM pg_database d WHERE datname = current_database()");
}

TEST(CarryOverProperties, GivesTheCopyAllThatTheDatabaseHas) {
  const TestDatabase from;
  const TestDatabase to;
  from.run("DO $$ BEGIN CREATE ROLE \"Own er\"; CREATE ROLE reader; END $$");
  const std::string name = from.name();
  from.run("ALTER DATABASE " + name + " OWNER TO \"Own er\"");
  from.run("REVOKE ALL ON DATABASE " + name + " FROM PUBLIC; GRANT CONNECT ON DATABASE " + name +
           " TO reader WITH GRANT OPTION");
  from.run("ALTER DATABASE " + name + " CONNECTION LIMIT 7");
  from.run("COMMENT ON DATABASE " + name + " IS 'it''s mine'");
  from.run("ALTER DATABASE " + name + R"( SET search_path = "$user", 'a "b', public)");
  from.run("ALTER DATABASE " + name + " SET DateStyle = 'German'");
  from.run("ALTER DATABASE " + name + " SET \"my.setting\" = 'x, ''y'''");
  from.run("ALTER ROLE reader IN DATABASE " + name + " SET work_mem = '7MB'");
  auto maintenance = postgres::Connection::open(test::server_info());
  carry_over_properties(maintenance, name, to.name(), test::silent());
  EXPECT_EQ(properties_of(to), properties_of(from));
  EXPECT_NE(properties_of(to).find("German"), std::string::npos);
  from.run("ALTER DATABASE " + name + " OWNER TO postgres");
  to.run("ALTER DATABASE " + to.name() + " OWNER TO postgres");
  from.run("REVOKE ALL ON DATABASE " + name + " FROM reader");
  to.run("REVOKE ALL ON DATABASE " + to.name() + " FROM reader");
  from.run("ALTER ROLE reader IN DATABASE " + name + " RESET ALL");
  to.run("ALTER ROLE reader IN DATABASE " + to.name() + " RESET ALL");
  from.run("DROP ROLE \"Own er\"; DROP ROLE reader");
}

TEST(CarryOverProperties, LeavesOwnSettingsWhereTheyAre) {
  const TestDatabase from;
  const TestDatabase to;
  auto maintenance = postgres::Connection::open(test::server_info());
  set_database_setting(maintenance, from.name(), "pgcycle.contents", "1 2");
  carry_over_properties(maintenance, from.name(), to.name(), test::silent());
  EXPECT_EQ(database_setting(maintenance, from.name(), "pgcycle.contents"), "1 2");
  EXPECT_EQ(database_setting(maintenance, to.name(), "pgcycle.contents"), "");
}

}  // namespace
}  // namespace pgcycle::server
