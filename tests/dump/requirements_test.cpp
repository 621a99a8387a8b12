#include "pgcycle/dump/requirements.hpp"

#include <gtest/gtest.h>

namespace pgcycle::dump {
namespace {

using Names = std::set<std::string>;

Names needed_for(std::string_view line, OwnersAndGrants owners) {
  Requirements requirements;
  requirements.add_line(line);
  return requirements.roles(owners);
}

TEST(Requirements, RolesAreReadAsPgDumpWritesThem) {
  const auto of_grants = [](std::string_view line) {
    EXPECT_EQ(needed_for(line, OwnersAndGrants::left_out), Names());
    return needed_for(line, OwnersAndGrants::grants_only);
  };
  EXPECT_EQ(of_grants("GRANT SELECT ON TABLE public.t TO reader;"), Names({"reader"}));
  EXPECT_EQ(
      of_grants("GRANT SELECT(id),UPDATE(\"a TO b\") ON TABLE s.\"to\" TO \"Odd \"\"name\"\",\" "
                "WITH GRANT OPTION GRANTED BY boss;"),
      Names({"Odd \"name\",", "boss"}));
  EXPECT_EQ(of_grants("GRANT USAGE ON SCHEMA s TO PUBLIC;"), Names());
  EXPECT_EQ(of_grants("GRANT USAGE ON SCHEMA s TO \"PUBLIC\";"), Names({"PUBLIC"}));
  EXPECT_EQ(of_grants("GRANT ALL ON FUNCTION s.f(a integer DEFAULT ' TO x') TO a, b;"),
            Names({"a", "b"}));
  EXPECT_EQ(of_grants("REVOKE ALL ON SCHEMA public FROM jürgen;"), Names({"jürgen"}));
  EXPECT_EQ(of_grants("ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA s REVOKE ALL ON TABLES  "
                      "FROM reader;"),
            Names({"owner", "reader"}));
  EXPECT_EQ(of_grants("ALTER DEFAULT PRIVILEGES FOR ROLE a GRANT SELECT ON TABLES  TO b;"),
            Names({"a", "b"}));
  EXPECT_EQ(of_grants("COMMENT ON TABLE t IS 'GRANT x TO y;';"), Names());

  const auto owner = [](std::string_view line) {
    EXPECT_EQ(needed_for(line, OwnersAndGrants::grants_only), Names());
    return needed_for(line, OwnersAndGrants::restored);
  };
  EXPECT_EQ(owner("ALTER TABLE public.t OWNER TO \"App\";"), Names({"App"}));
  EXPECT_EQ(owner("ALTER TABLE t ADD CONSTRAINT c CHECK (a <> ' OWNER TO x');"), Names());

  for (const auto owners :
       {OwnersAndGrants::left_out, OwnersAndGrants::grants_only, OwnersAndGrants::restored}) {
    EXPECT_EQ(needed_for("CREATE POLICY \"TO x\" ON public.t AS RESTRICTIVE FOR SELECT TO a, \"B\" "
                         "USING ((c = ' TO d'::text));",
                         owners),
              Names({"a", "B"}));
    EXPECT_EQ(needed_for("CREATE USER MAPPING FOR f SERVER s OPTIONS (", owners), Names({"f"}));
    EXPECT_EQ(needed_for("CREATE USER MAPPING FOR public SERVER s;", owners), Names());
    EXPECT_EQ(needed_for("CREATE POLICY p ON t USING ((EXISTS ( SELECT TO e)));", owners), Names());
  }
}

// As they come, cut anywhere.
TEST(Requirements, PassOverWhatTheyDoNotUnderstand) {
  const std::string line =
      "GRANT SELECT(\"a\") ON TABLE \"s\".\"t'\" TO \"x\"\"y\", z WITH GRANT OPTION GRANTED BY 'b";
  for (std::size_t end = 0; end <= line.size(); ++end) {
    for (const char* start : {"", "CREATE POLICY ", "ALTER DEFAULT PRIVILEGES ", "REVOKE "}) {
      needed_for(start + line.substr(0, end), OwnersAndGrants::restored);
    }
  }
}

}  // namespace
}  // namespace pgcycle::dump
