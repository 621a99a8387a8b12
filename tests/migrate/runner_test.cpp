#include "pgcycle/migrate/runner.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

using test::TestDatabase;
using test::TestDirectory;

class RunnerTest : public testing::Test {
 protected:
  MigrateReport up(const std::string& to = {}, bool sql_only = false) {
    const server::Target target = database_.target();
    const Config config = Config::empty(directory_.path(), test::process_environment());
    return migrate::up({target, config, directory_.path(), to, sql_only, false,
                        test::process_environment(), reporter_});
  }
  MigrateReport down(std::optional<std::size_t> steps = {}, const std::string& to = {}) {
    const server::Target target = database_.target();
    const Config config = Config::empty(directory_.path(), test::process_environment());
    MigrateRequest request{target, config, directory_.path(), to, false, false,
                           test::process_environment(), reporter_};
    request.steps = steps;
    return migrate::down(request);
  }
  void script(const std::string& name, const std::string& content) {
    const auto file = directory_.write(name, "#!/bin/sh\n" + content);
    std::filesystem::permissions(file, std::filesystem::perms(0755));
  }

  TestDatabase database_;
  TestDirectory directory_;
  test::RecordingReporter reporter_;
};

TEST_F(RunnerTest, AStepAndItsJournalRowAreOneTransaction) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  directory_.write("v1/020_b.sql", "CREATE TABLE b (x int); SELECT 1/0;");
  const Error error = test::error_of([&] { up(); });
  EXPECT_EQ(error.sqlstate(), "22012");
  EXPECT_EQ(error.exit_status(), 3);
  EXPECT_EQ(database_.value("SELECT to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL"),
            "t");
  EXPECT_EQ(database_.value("SELECT count(*) FROM pgcycle.migration_step"), "1");
}

TEST_F(RunnerTest, StopsAtTheVersionThatIsAsked) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  directory_.write("v2/010_b.sql", "CREATE TABLE b (x int);");
  EXPECT_EQ(up("v1").steps_run, 1U);
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(up().steps_run, 0U);
  EXPECT_EQ(test::error_of([&] { up("v3"); }).code(), ErrorCode::usage);
}

TEST_F(RunnerTest, AStepMayNotEndItsTransaction) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int); COMMIT; CREATE TABLE b (x int);");
  const Error error = test::error_of([&] { up(); });
  EXPECT_NE(error.hint().find("no-transaction"), std::string::npos);
}

TEST_F(RunnerTest, GoesOnBehindTheLastStatementWithoutATransaction) {
  database_.run("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1)");
  directory_.write(
      "v1/010_a.sql",
      "-- pgcycle: no-transaction\nCREATE TABLE once (x int);\n"
      "CREATE UNIQUE INDEX CONCURRENTLY t_x ON public.t (x);\nINSERT INTO once VALUES (1);");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "23505");
  EXPECT_EQ(database_.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_x'::regclass"),
            "f");
  database_.run("DELETE FROM t WHERE ctid = '(0,1)'");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(database_.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_x'::regclass"),
            "t");
  EXPECT_EQ(database_.value("SELECT count(*) FROM once"), "1");
}

TEST_F(RunnerTest, ScriptsGetUrlVersionAndStepAndRunAgainWhenTheyFailed) {
  script("v1/010_s.sh",
         "psql -X -q -d \"$PGCYCLE_DB_URL\" -c \"CREATE TABLE IF NOT EXISTS s AS SELECT "
         "'$PGCYCLE_VERSION $PGCYCLE_STEP' AS x\"\necho said\ntest -e ../allowed");
  const Error error = test::error_of([&] { up(); });
  EXPECT_EQ(error.code(), ErrorCode::step);
  EXPECT_EQ(database_.value("SELECT x FROM s"), "v1 010_s");
  directory_.write("allowed", "");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_NE(reporter_.text().find("said"), std::string::npos);
}

TEST_F(RunnerTest, SqlOnlySkipsScriptsAndDoesNotRecordTheVersion) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  script("v1/020_s.sh", "exit 1");
  const MigrateReport report = up({}, true);
  EXPECT_FALSE(report.versions[0].applied);
  EXPECT_EQ(report.versions[0].steps[1].state, "skipped");
}

TEST_F(RunnerTest, RequirementsAreHeldTo) {
  directory_.write("v1/010_a.sql", "-- pgcycle: requires table public.missing\nSELECT 1;");
  EXPECT_EQ(test::error_of([&] { up(); }).exit_status(), 4);
  database_.run("CREATE TABLE missing (x int)");
  EXPECT_NO_THROW(up());
  directory_.write("v2/version.json", R"({"requires": "v3"})");
  directory_.write("v2/010_a.sql", "SELECT 1;");
  directory_.write("v3/010_a.sql", "SELECT 1;");
  EXPECT_EQ(test::error_of([&] { up("v2"); }).code(), ErrorCode::check);
}

TEST_F(RunnerTest, AStepsSettingsDoNotReachTheNextOne) {
  directory_.write("v1/010_a.sql", "SET search_path = pg_catalog; SET TimeZone = 'Asia/Tokyo';");
  directory_.write("v1/020_b.sql", "CREATE TABLE b AS SELECT current_setting('TimeZone') AS zone;");
  up();
  EXPECT_NE(database_.value("SELECT zone FROM public.b"), "Asia/Tokyo");
}

}  // namespace
}  // namespace pgcycle::migrate
