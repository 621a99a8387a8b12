#include "pgcycle/migrate/plan.hpp"

#include <gtest/gtest.h>

#include "pgcycle/migrate/checks.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

using test::TestDatabase;
using test::TestDirectory;

TEST(ReadMigrations, OrdersVersionsAndStepsByNumber) {
  const TestDirectory directory;
  directory.write("v0.10/010_a.sql", "SELECT 1;");
  directory.write("v0.9/020_b.sql", "SELECT 1;");
  directory.write("v0.9/003_a.sql", "SELECT 1;");
  directory.write("v0.9/003_a.down.sql", "SELECT 1;");
  directory.write("v0.9/003_a.verify.sql", "-- check a: = 1\nSELECT 1;");
  const auto versions = read_migrations(directory.path());
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].name, "v0.9");
  EXPECT_EQ(versions[0].steps[0].name, "003_a");
  EXPECT_TRUE(versions[0].steps[0].down.has_value());
  EXPECT_TRUE(versions[0].steps[0].verify.has_value());
  EXPECT_EQ(versions[1].name, "v0.10");
}

TEST(ReadMigrations, ChecksumsIgnoreLineEndings) {
  const TestDirectory directory;
  directory.write("a/v1/010_a.sql", "SELECT 1;\nSELECT 2;\n");
  directory.write("b/v1/010_a.sql", "SELECT 1;\r\nSELECT 2;\r\n");
  EXPECT_EQ(read_migrations(directory.path() / "a")[0].steps[0].checksum,
            read_migrations(directory.path() / "b")[0].steps[0].checksum);
}

TEST(ReadMigrations, RefusesWhatIsNoStep) {
  const auto refused = [](const std::string& name, const std::string& content) {
    const TestDirectory directory;
    directory.write("v1/010_ok.sql", "SELECT 1;");
    directory.write("v1/" + name, content);
    return test::error_of([&] { read_migrations(directory.path()); });
  };
  EXPECT_EQ(refused("010_twice.sql", "").code(), ErrorCode::input);
  EXPECT_EQ(refused("020_alone.down.sql", "").code(), ErrorCode::input);
  EXPECT_EQ(refused("no_number.sql", "").code(), ErrorCode::input);
  EXPECT_EQ(refused("020_script.py", "").code(), ErrorCode::input);  // not executable
  EXPECT_EQ(refused("020_a.sql", "-- pgcycle: no-transction\nSELECT 1;").location().line, 1);
  EXPECT_EQ(refused("version.json", "{\"descripton\": \"x\"}").location().line, 1);
}

TEST(ParseChecks, ReadsEveryForm) {
  const auto checks = parse_checks(
      "-- check a: = 0\nSELECT 1;\n-- check b: > 0, ~ 22 +- 5\nSELECT 2;\n-- check c: rows = "
      "5\nSELECT 3;\n"
      "-- check d: p95 < 500 ms over 20 runs\nSELECT 4;\n",
      "c.sql");
  ASSERT_EQ(checks.size(), 4U);
  EXPECT_EQ(checks[1].conditions.size(), 2U);
  EXPECT_EQ(checks[1].conditions[1].tolerance, 5);
  EXPECT_EQ(checks[2].conditions[0].subject, Condition::Subject::rows);
  EXPECT_EQ(checks[3].conditions[0].percentile, 95);
  EXPECT_EQ(checks[3].conditions[0].runs, 20);
  EXPECT_EQ(checks[3].place.line, 7);
}

TEST(ParseChecks, RefusesWhatCannotFail) {
  for (const char* wrong :
       {"SELECT 1;", "-- check a:\nSELECT 1;", "-- check a: = \nSELECT 1;", "-- check a: = 1\n",
        "-- check a: is nice\nSELECT 1;", "-- check a: ~ 5\nSELECT 1;",
        "-- check a: p200 < 1 ms over 2 runs\nSELECT 1;"}) {
    EXPECT_THROW(parse_checks(wrong, "c.sql"), Error) << wrong;
  }
}

TEST(RunChecks, TellsWhatHoldsAndChangesNothing) {
  const TestDatabase database;
  database.run("CREATE TABLE public.t AS SELECT generate_series(1, 22) AS x");
  auto connection = database.connect();
  const auto results = run_checks(
      connection, parse_checks("-- check yes: > 0, ~ 20 +- 5\nSELECT count(*) FROM public.t;\n"
                               "-- check no: ~ 30 +- 5\nSELECT count(*) FROM public.t;\n"
                               "-- check rows: rows = 22\nDELETE FROM public.t RETURNING x;\n"
                               "-- check gone: = 0\nSELECT count(*) FROM public.t;\n"
                               "-- check truth: = 1\nSELECT true;\n",
                               "c.sql"));
  ASSERT_EQ(results.size(), 5U);
  EXPECT_TRUE(results[0].passed);
  EXPECT_FALSE(results[1].passed);
  EXPECT_EQ(results[1].got, "22");
  EXPECT_TRUE(results[2].passed);
  EXPECT_TRUE(results[4].passed);
  EXPECT_EQ(database.value("SELECT count(*) FROM t"), "22");
  EXPECT_EQ(test::error_of([&] { require_passed(results, "here"); }).exit_status(), 4);
}

}  // namespace
}  // namespace pgcycle::migrate
