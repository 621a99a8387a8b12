#include "pgcycle/migrate/rehearsal.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/migrate/runner_fixture.hpp"

namespace pgcycle::migrate {
namespace {

class RehearsalTest : public RunnerTest {
 protected:
  RehearsalTest() { migrations_ = directory_.path() / "m"; }
  RehearsalReport rehearsed() {
    const server::Target target = database_.target();
    const Config config = Config::empty(directory_.path(), test::process_environment());
    const auto same = [&] { return target; };
    const SchemaSourceContext sources{config, same,     same, test::process_environment(),
                                      1,      reporter_};
    const MigrateRequest migration{
        target, config, migrations_, {}, false, false, test::process_environment(), reporter_};
    return rehearse({migration, sources, {}, directory_.path() / "notes", false});
  }
};

// What it measures and the way back are those of a run in which each step commits by itself.
TEST_F(RehearsalTest, AVersionMayBeOneTransaction) {
  database_.run("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int)");
  directory_.write("m/v1/version.json", R"({"transaction": "version"})");
  directory_.write("m/v1/010_a.sql", "ALTER TABLE t ADD COLUMN x int;\nCREATE TABLE v (id int);");
  directory_.write("m/v1/010_a.down.sql", "ALTER TABLE t DROP COLUMN x; DROP TABLE v;");
  directory_.write("m/v1/020_b.sql",
                   "ALTER TABLE v ADD COLUMN x int;\nALTER TABLE u ADD COLUMN x int;\n"
                   "SELECT pg_sleep(0.05);");
  directory_.write("m/v1/020_b.down.sql", "ALTER TABLE u DROP COLUMN x;");
  const RehearsalReport report = rehearsed();
  ASSERT_EQ(report.versions.size(), 1U);
  EXPECT_EQ(report.versions[0].way_back, WayBack::lossless);
  ASSERT_EQ(report.statements.size(), 5U);
  const StatementFacts& first = report.statements[0];
  EXPECT_EQ(first.step, "010_a");
  ASSERT_EQ(first.locks.size(), 1U);
  EXPECT_EQ(first.locks[0].relation, "t");
  EXPECT_GE(first.locks[0].held_ms, 50) << "until its transaction ended";
  // Nobody else can want a table that the transaction has made.
  EXPECT_TRUE(report.statements[2].locks.empty());
  EXPECT_EQ(report.statements[3].step, "020_b");
  ASSERT_EQ(report.statements[3].locks.size(), 1U);
  EXPECT_EQ(report.statements[3].locks[0].relation, "u");
}

TEST_F(RehearsalTest, DataStepsAreMeasuredAsStatementsAre) {
  database_.run("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  directory_.write("m/v1/version.json", R"({"transaction": "version"})");
  directory_.write("m/v1/010_k.rekey.json",
                   R"({"table": "public.t", "column": "id", "value": {"query":
                       "SELECT id AS old, id + 10 AS new FROM public.t"}})");
  directory_.write("m/v1/020_a.sql", "INSERT INTO t VALUES (5);");
  const RehearsalReport report = rehearsed();
  ASSERT_EQ(report.statements.size(), 2U);
  EXPECT_EQ(report.statements[0].text, "010_k.rekey.json");
  EXPECT_TRUE(std::ranges::any_of(report.statements[0].locks, [](const LockTaken& lock) {
    return lock.mode == "RowExclusiveLock" && lock.relation == "t";
  }));
  EXPECT_TRUE(report.statements[1].locks.empty()) << "it has them already";
}

// Only what it has run itself is taken back: of v2, half was done before.
TEST_F(RehearsalTest, TheWayBackEndsWhereItBegan) {
  directory_.write("m/v1/010_a.sql", "CREATE TABLE a (id int);");
  directory_.write("m/v2/010_b.sql", "CREATE TABLE b (id int);");
  directory_.write("m/v2/010_b.down.sql", "DROP TABLE b;");
  directory_.write("m/v2/020_c.sql", "SELECT 1/0;");
  EXPECT_THROW(up(), Error);
  directory_.write("m/v2/020_c.sql", "CREATE TABLE c (id int);");
  directory_.write("m/v2/020_c.down.sql", "DROP TABLE c;");
  const RehearsalReport report = rehearsed();
  ASSERT_EQ(report.versions.size(), 1U);
  EXPECT_EQ(report.versions[0].way_back, WayBack::lossless);
}

TEST_F(RehearsalTest, LocksOfTablesThatAreRenamedOrDroppedAreTold) {
  database_.run("CREATE TABLE t (id int); CREATE TABLE u (id int)");
  directory_.write("m/v1/010_a.sql", "ALTER TABLE t RENAME TO old;\nDROP TABLE u;");
  const RehearsalReport report = rehearsed();
  ASSERT_EQ(report.statements.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& locks = report.statements[i].locks;
    ASSERT_EQ(locks.size(), 1U) << report.statements[i].text;
    EXPECT_EQ(locks[0].mode, "AccessExclusiveLock");
    EXPECT_EQ(locks[0].relation, i == 0 ? "t" : "u");
  }
}

TEST_F(RehearsalTest, TablesThatWereWrittenAgainAreNamed) {
  database_.run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
  directory_.write("m/v1/010_a.sql",
                   "ALTER TABLE t ALTER COLUMN id TYPE bigint;\nCREATE TABLE made (id int);\n"
                   "ALTER TABLE made ALTER COLUMN id TYPE bigint;");
  const RehearsalReport report = rehearsed();
  ASSERT_EQ(report.statements.size(), 3U);
  EXPECT_EQ(report.statements[0].rewritten, std::vector<std::string>{"t"});
  EXPECT_TRUE(report.statements[1].rewritten.empty());
  EXPECT_EQ(report.statements[2].rewritten, std::vector<std::string>{"made"});
}

// A migration may end every session but its own.
TEST_F(RehearsalTest, GoesOnWhereAMigrationEndsOtherSessions) {
  database_.run("CREATE TABLE t (id int)");
  const char* end =
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = "
      "current_database() AND pid <> pg_backend_pid() AND query NOT LIKE '%turn%' AND query NOT "
      "LIKE '%advisory%';\n";
  directory_.write("m/v1/010_a.sql", std::string(end) + "CREATE TABLE v (id int);");
  directory_.write("m/v1/010_a.down.sql", std::string(end) + "DROP TABLE v;");
  EXPECT_EQ(rehearsed().versions.at(0).way_back, WayBack::lossless);
}

}  // namespace
}  // namespace pgcycle::migrate
