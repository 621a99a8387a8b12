#include "pgcycle/migrate/lone_statement.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "tests/migrate/runner_fixture.hpp"

namespace pgcycle::migrate {
namespace {

struct CutOff {
  const char* statement;
  const char* blocker;  // what another session has open: it says how far the server comes
};

// A statement that the server stops in the middle, as when it is shut down.
class CutOffTest : public RunnerTest, public testing::WithParamInterface<CutOff> {
 protected:
  static constexpr const char* kBuilder =
      "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase "
      "LIKE 'waiting%'";

  void set_up_table() {
    database_.run(
        "CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t VALUES (1, 'a'), (2, 'a');");
    // One that was invalid before is nobody's left-over.
    EXPECT_THROW(database_.run("CREATE UNIQUE INDEX CONCURRENTLY not_ours ON t (x)"), Error);
  }
  std::string left_over() const {
    return database_.value(
        "SELECT coalesce(string_agg(indexrelid::regclass::text, ' '), '') FROM pg_index WHERE NOT "
        "indisvalid AND indexrelid <> 'not_ours'::regclass");
  }
  // Runs `statement` until it waits for the blocker, and ends its session there.
  void cut_off(const std::string& statement, const std::string& blocker,
               const std::string& waiting = kBuilder) {
    directory_.write("v1/010_a.sql", statement + ";\n");
    auto other = database_.connect();
    other.execute("BEGIN");
    other.execute(blocker);
    auto run = std::async(std::launch::async, [this] { up(); });
    const std::string stop =
        fmt::format("SELECT count(pg_terminate_backend(pid)) FROM ({}) p", waiting);
    while (database_.value(stop) == "0") {
      ASSERT_NE(run.wait_for(std::chrono::milliseconds(10)), std::future_status::ready);
    }
    EXPECT_THROW(run.get(), Error);
    other.execute("ROLLBACK");
  }
  postgres::Connection writer() const {
    auto other = database_.connect();
    other.execute("BEGIN");
    other.execute("INSERT INTO public.t VALUES (3, 'b')");
    return other;
  }
  // Another session's build, which has begun when this returns.
  std::future<void> build_beside() {
    auto build = std::async(std::launch::async, [this] {
      database_.connect().execute("REINDEX TABLE CONCURRENTLY public.t");
    });
    while (database_.value(fmt::format("SELECT count(*) FROM ({}) p", kBuilder)) == "0") {
      EXPECT_NE(build.wait_for(std::chrono::milliseconds(10)), std::future_status::ready);
    }
    return build;
  }
};

TEST_P(CutOffTest, LeavesNoInvalidIndexBehind) {
  set_up_table();
  std::string statement = GetParam().statement;
  if (statement.ends_with("DATABASE CONCURRENTLY ")) statement += database_.name();
  cut_off(statement, GetParam().blocker);
  EXPECT_NE(left_over(), "");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(left_over(), "");
  EXPECT_EQ(database_.value("SELECT count(*) FROM pg_index WHERE indexrelid = "
                            "to_regclass('not_ours') AND NOT indisvalid"),
            "1");
}

constexpr const char* kWrites = "INSERT INTO public.t VALUES (3, 'b')";
constexpr const char* kReads = "SELECT count(*) FROM public.t";

INSTANTIATE_TEST_SUITE_P(
    Statements, CutOffTest,
    testing::Values(CutOff{"CREATE INDEX CONCURRENTLY i ON public.t (x)", kWrites},
                    CutOff{"REINDEX TABLE CONCURRENTLY public.t", kWrites},
                    CutOff{"REINDEX TABLE CONCURRENTLY public.t", kReads},
                    CutOff{"REINDEX (CONCURRENTLY) INDEX public.t_pkey", kWrites},
                    CutOff{"REINDEX INDEX CONCURRENTLY public.t_pkey", kReads},
                    CutOff{"REINDEX SCHEMA CONCURRENTLY public", kReads},
                    CutOff{"REINDEX DATABASE CONCURRENTLY ", kWrites}));

// The server goes on with what a killed run had sent it.
TEST_F(CutOffTest, WaitsForABuildThatGoesOn) {
  set_up_table();
  cut_off("REINDEX TABLE CONCURRENTLY public.t", kWrites);
  auto other = writer();
  auto build = build_beside();
  auto run = std::async(std::launch::async, [&] { return up().steps_run; });
  EXPECT_EQ(run.wait_for(std::chrono::seconds(2)), std::future_status::timeout);
  other.execute("ROLLBACK");
  EXPECT_NO_THROW(build.get());
  EXPECT_EQ(run.get(), 1U);
  EXPECT_EQ(left_over(), "");
  EXPECT_NE(reporter_.text().find("waiting for process"), std::string::npos) << reporter_.text();
}

// Both wait for each other: the server ends the run's statement, since it looks first.
TEST_F(CutOffTest, IsTriedAgainAfterADeadlock) {
  set_up_table();
  directory_.write("v1/010_a.sql",
                   "SET deadlock_timeout = '700ms';\nCREATE INDEX CONCURRENTLY i ON public.t (x);");
  auto other = writer();
  auto build = build_beside();
  auto run = up_that_waits();
  other.execute("ROLLBACK");
  EXPECT_NO_THROW(build.get());
  EXPECT_EQ(run.get(), 1U);
  EXPECT_EQ(left_over(), "");
  EXPECT_NE(database_.value("SELECT to_regclass('i')"), "");
  EXPECT_NE(reporter_.text().find("deadlock detected, trying again"), std::string::npos);
}

TEST_F(CutOffTest, AnotherIndexOfTheTableIsNotTakenForItsOwn) {
  set_up_table();
  cut_off("CREATE INDEX CONCURRENTLY i ON public.t (x)", kWrites);
  database_.run("CREATE INDEX another ON t (x)");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(left_over(), "");
  EXPECT_NE(database_.value("SELECT to_regclass('i')"), "");
}

TEST_F(CutOffTest, APartitionMayBeDetachedBeforeThatIsFinalized) {
  database_.run(
      "CREATE TABLE p (x int) PARTITION BY RANGE (x); CREATE TABLE p1 PARTITION OF p FOR VALUES "
      "FROM (1) TO (2)");
  cut_off("ALTER TABLE public.p DETACH PARTITION public.p1 CONCURRENTLY",
          "SELECT count(*) FROM public.p",
          "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = "
          "'virtualxid'");
  auto other = database_.connect();
  other.execute("BEGIN");
  other.execute("ALTER TABLE public.p DETACH PARTITION public.p1 FINALIZE");
  auto run = up_that_waits();
  other.execute("COMMIT");
  EXPECT_EQ(run.get(), 1U);
  EXPECT_EQ(database_.value("SELECT count(*) FROM pg_inherits"), "0");
}

}  // namespace
}  // namespace pgcycle::migrate
