#include "pgcycle/migrate/runner.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "tests/migrate/runner_fixture.hpp"

namespace pgcycle::migrate {
namespace {

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

// The server goes on with what a killed run had sent it: an invalid index that is seen may be done
// with by the time that its lock is free.
TEST_F(RunnerTest, AnInvalidIndexMayBeGoneBeforeItIsDropped) {
  database_.run("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1)");
  directory_.write(
      "v1/010_a.sql",
      "-- pgcycle: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_x ON public.t (x);");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "23505");
  database_.run("DELETE FROM t");
  auto other = database_.connect();
  other.execute("BEGIN");
  other.execute("DROP INDEX public.t_x");
  auto run = up_that_waits();
  other.execute("COMMIT");
  EXPECT_EQ(run.get(), 1U);
  EXPECT_EQ(database_.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_x'::regclass"),
            "t");
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

TEST_F(RunnerTest, WhatSqlOnlySkippedRunsLater) {
  directory_.write("v1/010_a.sql", "CREATE TABLE ran (x text);");
  script("v1/020_s.sh", "psql -X -q -d \"$PGCYCLE_DB_URL\" -c \"INSERT INTO ran VALUES ('s')\"");
  directory_.write("v1/030_b.sql", "INSERT INTO ran VALUES ('b');");
  script("v2/010_s.sh", "psql -X -q -d \"$PGCYCLE_DB_URL\" -c \"INSERT INTO ran VALUES ('t')\"");
  directory_.write("v3/010_c.sql", "INSERT INTO ran VALUES ('c');");
  EXPECT_EQ(up({}, true).steps_run, 3U);
  EXPECT_EQ(up({}, true).steps_run, 0U);
  directory_.write("v4/010_d.sql", "INSERT INTO ran VALUES ('d');");
  EXPECT_EQ(up({}, true).steps_run, 1U);
  // Nothing tells a version of which no step is done from one that came in late.
  const Error error = test::error_of([&] { up(); });
  EXPECT_NE(error.message().find("v2 is not applied"), std::string::npos) << error.message();
  EXPECT_EQ(error.message().find("v1"), std::string::npos) << error.message();
  EXPECT_NE(error.hint().find("--out-of-order"), std::string::npos);
  directory_.write("v2/000_z.sql", "SELECT 1;");
  EXPECT_THROW(up({}, true), Error) << "this came in late";
  std::filesystem::remove_all(directory_.path() / "v2");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(database_.value("SELECT string_agg(x, '' ORDER BY ctid) FROM ran"), "bcds");
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

TEST_F(RunnerTest, GoesDownInReverseOrderAndUpAgain) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  directory_.write("v1/010_a.down.sql", "DROP TABLE a;");
  directory_.write("v1/020_b.sql", "CREATE TABLE b AS TABLE a;");
  directory_.write("v1/020_b.down.sql", "DROP TABLE b;");
  directory_.write("v2/010_i.sql", "CREATE INDEX CONCURRENTLY i ON public.a (x); SELECT 1;");
  directory_.write("v2/010_i.down.sql", "DROP INDEX CONCURRENTLY public.i;");
  EXPECT_EQ(up().steps_run, 3U);
  EXPECT_EQ(down().steps_run, 1U);
  EXPECT_EQ(database_.value("SELECT count(*) FROM pgcycle.migration_version"), "1");
  EXPECT_EQ(down(1).steps_run, 1U);
  EXPECT_EQ(database_.value("SELECT to_regclass('b') IS NULL AND to_regclass('a') IS NOT NULL"),
            "t");
  EXPECT_EQ(up().steps_run, 2U);
  EXPECT_EQ(down({}, "v1").steps_run, 1U);
  EXPECT_EQ(down({}, "0").steps_run, 2U);
  EXPECT_EQ(database_.value("SELECT count(*) FROM pgcycle.migration_step"), "0");
}

TEST_F(RunnerTest, GoesDownOnlyWhereThereIsAWay) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  directory_.write("v1/020_b.sql", "CREATE TABLE b (x int);");
  directory_.write("v1/020_b.down.sql", "DROP TABLE b;");
  up();
  const Error error = test::error_of([&] { down(); });
  EXPECT_EQ(error.exit_status(), 4);
  EXPECT_NE(error.message().find("010_a has no way back"), std::string::npos);
  EXPECT_EQ(database_.value("SELECT to_regclass('b') IS NOT NULL"), "t");
}

TEST_F(RunnerTest, AVersionCanBeOneTransaction) {
  directory_.write("v1/version.json", R"({"transaction": "version"})");
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  directory_.write("v1/020_b.sql", "SELECT 1/0;");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "22012");
  EXPECT_EQ(database_.value("SELECT to_regclass('a') IS NULL"), "t");
  directory_.write("v1/020_b.sql", "SELECT 1;");
  EXPECT_EQ(up().steps_run, 2U);
  directory_.write("v2/version.json", R"({"transaction": "version"})");
  directory_.write("v2/010_i.sql", "VACUUM;");
  EXPECT_EQ(test::error_of([&] { up(); }).code(), ErrorCode::input);
}

TEST_F(RunnerTest, LateVersionsStopUnlessAllowed) {
  directory_.write("v2/010_b.sql", "CREATE TABLE b (x int);");
  up();
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  EXPECT_EQ(test::error_of([&] { up(); }).exit_status(), 4);
  const server::Target target = database_.target();
  const Config config = Config::empty(directory_.path(), test::process_environment());
  MigrateRequest request{target, config, directory_.path(),           {},
                         false,  false,  test::process_environment(), reporter_};
  request.out_of_order = true;
  EXPECT_EQ(migrate::up(request).steps_run, 1U);
  EXPECT_EQ(up().steps_run, 0U);
}

TEST_F(RunnerTest, AChangedFileCanBeAccepted) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int);");
  up();
  directory_.write("v1/010_a.sql", "-- only a comment\nCREATE TABLE a (x int);");
  EXPECT_EQ(test::error_of([&] { up(); }).exit_status(), 4);
  const server::Target target = database_.target();
  const Config config = Config::empty(directory_.path(), test::process_environment());
  MigrateRequest request{target, config, directory_.path(),           {},
                         false,  false,  test::process_environment(), reporter_};
  request.accepted_changes = {"010_a"};
  migrate::up(request);
  EXPECT_EQ(up().steps_run, 0U);
}

TEST_F(RunnerTest, RepeatableStepsRunWheneverTheyChange) {
  directory_.write("V1__a.sql", "CREATE TABLE runs (n int);");
  directory_.write("R__count.sql", "INSERT INTO runs VALUES (1);");
  EXPECT_EQ(up().steps_run, 2U);
  EXPECT_EQ(up().steps_run, 0U);
  directory_.write("R__count.sql", "INSERT INTO runs VALUES (2);");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(database_.value("SELECT string_agg(n::text, ' ' ORDER BY n) FROM runs"), "1 2");
}

TEST_F(RunnerTest, StatementsThatAreDoneMustNotChangeBeforeTheRestRuns) {
  directory_.write("v1/010_a.sql",
                   "-- pgcycle: no-transaction\nCREATE TABLE a (x int);\nSELECT 1/0;");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "22012");
  directory_.write("v1/010_a.sql",
                   "-- pgcycle: no-transaction\nCREATE TABLE a (y int);\nSELECT 1;");
  EXPECT_EQ(test::error_of([&] { up(); }).exit_status(), 4);
  directory_.write("v1/010_a.sql",
                   "-- pgcycle: no-transaction\nCREATE TABLE a (x int);\nSELECT 1;");
  EXPECT_EQ(up().steps_run, 1U);
}

TEST_F(RunnerTest, SettingsOfStatementsThatAreDoneHoldForTheRest) {
  directory_.write("v1/010_a.sql",
                   "-- pgcycle: no-transaction\nCREATE SCHEMA s; SET search_path = s; SELECT 1/0;");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "22012");
  directory_.write("v1/010_a.sql",
                   "-- pgcycle: no-transaction\nCREATE SCHEMA s; SET search_path = s; CREATE TABLE "
                   "a (x int);");
  up();
  EXPECT_EQ(database_.value("SELECT to_regclass('s.a') IS NOT NULL"), "t");
}

TEST_F(RunnerTest, AFileMayHoldItsOwnTransactions) {
  directory_.write(
      "v1/010_a.sql",
      "-- pgcycle: no-transaction\nBEGIN; CREATE TABLE a (x int); COMMIT; BEGIN; CREATE "
      "TABLE b (x int); SELECT 1/0; COMMIT;");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "22012");
  EXPECT_EQ(database_.value("SELECT to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL"),
            "t");
  directory_.write(
      "v1/010_a.sql",
      "-- pgcycle: no-transaction\nBEGIN; CREATE TABLE a (x int); COMMIT; BEGIN; CREATE "
      "TABLE b (x int); SELECT 1; COMMIT;");
  up();
  EXPECT_EQ(database_.value("SELECT to_regclass('b') IS NOT NULL"), "t");
}

TEST_F(RunnerTest, TheJournalIsWrittenWhateverRoleAStepTakes) {
  database_.run(
      "DROP ROLE IF EXISTS migrate_role; CREATE ROLE migrate_role; "
      "GRANT ALL ON SCHEMA public TO migrate_role");
  directory_.write("v1/010_a.sql", "SET ROLE migrate_role; CREATE TABLE a (x int);");
  directory_.write("v1/020_b.sql", "CREATE TABLE b AS SELECT current_user AS who;");
  EXPECT_EQ(up().steps_run, 2U);
  EXPECT_NE(database_.value("SELECT who FROM b"), "migrate_role");
  database_.run(
      "DROP TABLE a; REVOKE ALL ON SCHEMA public FROM migrate_role; DROP ROLE migrate_role");
}

TEST_F(RunnerTest, MapsColumnsAndSaysWhatIsLost) {
  database_.run(
      "CREATE TABLE p (id int PRIMARY KEY, old text, new int, flag bool); "
      "INSERT INTO p VALUES (1, '7'), (2, '08'), (3, NULL)");
  const auto step = [&](const std::string& column) {
    directory_.write("v1/010_p.map-columns.json", R"({"from": "p", "columns": {"new": )" + column +
                                                      R"(, "flag": {"sql": "id > 1"}}})");
  };
  step(R"({"from": "old", "default": "0"})");
  const Error error = test::error_of([&] { up(); });
  EXPECT_EQ(error.exit_status(), 4);
  EXPECT_NE(error.message().find("1 values of old would be lost in new"), std::string::npos);
  step(R"({"from": "old", "default": "0", "mayLose": 1})");
  up();
  EXPECT_EQ(database_.value("SELECT string_agg(new || ' ' || flag, ', ' ORDER BY id) FROM p"),
            "7 false, 8 true, 0 true");
  EXPECT_NE(reporter_.text().find("lost: 1 values of old"), std::string::npos);
}

TEST_F(RunnerTest, BackfillsInBatchesAndGoesOnWhereItStopped) {
  database_.run(
      "CREATE TABLE p (a int, b text, v int, PRIMARY KEY (a, b)); "
      "INSERT INTO p SELECT i / 10, 'x' || i, NULL FROM generate_series(1, 95) i; "
      "CREATE TABLE bad (a int); INSERT INTO bad VALUES (5)");
  directory_.write("v1/010_p.backfill.json", R"({"table": "p", "batch": 10, "where": "v IS NULL",
      "set": {"v": "CASE WHEN a IN (SELECT a FROM public.bad) THEN 1 / (a - 5) ELSE a END"}})");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "22012");
  const int done = std::stoi(database_.value("SELECT count(*) FROM p WHERE v IS NOT NULL"));
  EXPECT_GT(done, 30);
  EXPECT_LT(done, 95);
  database_.run("DELETE FROM bad; UPDATE p SET v = -1 WHERE a = 0");
  up();
  EXPECT_EQ(database_.value("SELECT count(*) FROM p WHERE v = a"), "86");
  EXPECT_NE(reporter_.text().find("goes on behind key"), std::string::npos);
}

TEST_F(RunnerTest, ABackfillGoesByKeysOfAnyTypeAndLeavesThemAlone) {
  database_.run(
      "CREATE TYPE pair AS (a int, b text); CREATE TABLE p (i int[], c pair, t timestamptz, f "
      "float8, v int, PRIMARY KEY (i, c, t, f)); INSERT INTO p SELECT ARRAY[n % 3, n], (n, "
      "'x,' || n)::pair, timestamptz '2026-01-01' + n * interval '1 ms', n / 7.0 FROM "
      "generate_series(1, 50) n");
  directory_.write("v1/010_p.backfill.json",
                   R"({"table": "p", "batch": 7, "set": {"v": "coalesce(v, 0) + 1"}})");
  up();
  EXPECT_EQ(database_.value("SELECT count(*) FROM p WHERE v = 1"), "50");
  directory_.write("v2/010_p.backfill.json",
                   R"({"table": "p", "set": {"v": "2",
                       "f": "f + 1000"}})");
  const Error error = test::error_of([&] { up(); });
  EXPECT_EQ(error.code(), ErrorCode::input);
  EXPECT_EQ(error.location().line, 2);
}

TEST_F(RunnerTest, RekeysByAQueryEvenWhereOldAndNewKeysOverlap) {
  database_.run(
      "CREATE TABLE p (id int PRIMARY KEY, name text); INSERT INTO p VALUES (1, 'a'), (2, "
      "'b'), (3, 'c'); CREATE TABLE c (p int REFERENCES p); INSERT INTO c VALUES (1), (1), (3)");
  directory_.write("v1/010_p.rekey.json", R"({"table": "p", "column": "id",
      "value": {"query": "SELECT id, id % 3 + 1 FROM public.p"}})");
  up();
  EXPECT_EQ(database_.value("SELECT string_agg(id || name, ' ' ORDER BY id) FROM p"), "1c 2a 3b");
  EXPECT_EQ(database_.value("SELECT string_agg(p::text, ' ' ORDER BY p) FROM c"), "1 2 2");
  directory_.write("v2/010_p.rekey.json", R"({"table": "p", "column": "id",
      "value": {"query": "SELECT id, 7 FROM public.p"}})");
  EXPECT_EQ(test::error_of([&] { up(); }).code(), ErrorCode::step);
}

TEST_F(RunnerTest, WhatADropTakesWithItIsToldFirst) {
  database_.run(
      "CREATE TABLE p (id int PRIMARY KEY, x int); CREATE VIEW v AS SELECT x FROM p; "
      "CREATE VIEW w AS SELECT * FROM v; CREATE TABLE c (p int REFERENCES p)");
  directory_.write("v1/010_p.sql", "DROP TABLE p CASCADE;");
  up();
  EXPECT_NE(reporter_.text().find("drops table p, and with it: constraint c_p_fkey on table c, "
                                  "view v, view w"),
            std::string::npos)
      << reporter_.text();
}

TEST_F(RunnerTest, LetsGoOfALockThatItDoesNotGetAndNamesWhoHasIt) {
  database_.run("CREATE TABLE a (x int); CREATE TABLE b (x int)");
  directory_.write("v1/010_a.sql", "ALTER TABLE a ADD y int; ALTER TABLE b ADD y int;");
  directory_.write("pgcycle.json",
                   R"({"migrations": {"lockTimeout": "100ms", "lockWait": "500ms"}})");
  const server::Target target = database_.target();
  const Config config =
      Config::load(directory_.path() / "pgcycle.json", test::process_environment());
  const MigrateRequest request{target, config, directory_.path(),           {},
                               false,  false,  test::process_environment(), reporter_};
  auto blocker = database_.connect();
  blocker.execute("BEGIN; LOCK TABLE public.b IN ACCESS SHARE MODE");
  const Error error = test::error_of([&] { migrate::up(request); });
  EXPECT_EQ(error.sqlstate(), "55P03");
  EXPECT_NE(error.detail().find(fmt::format("process {}", blocker.backend_pid())),
            std::string::npos)
      << error.detail();
  // Nothing is held any more.
  database_.run("SET lock_timeout = '50ms'; LOCK TABLE a IN ACCESS EXCLUSIVE MODE NOWAIT");
  blocker.execute("COMMIT");
  EXPECT_EQ(migrate::up(request).steps_run, 1U);
}

TEST_F(RunnerTest, AConstraintThatFailsAtTheCommitNamesTheFile) {
  database_.run("CREATE TABLE p (id int PRIMARY KEY)");
  directory_.write(
      "v1/010_c.sql",
      "CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO c "
      "VALUES (7);");
  const Error error = test::error_of([&] { up(); });
  EXPECT_EQ(error.sqlstate(), "23503");
  EXPECT_NE(error.location().file.find("010_c.sql"), std::string::npos);
}

TEST_F(RunnerTest, AFileThatIsPartlyDoneStaysStatementByStatement) {
  directory_.write("v1/010_a.sql",
                   "-- pgcycle: no-transaction\nCREATE TABLE a (x int); SELECT 1/0;");
  EXPECT_EQ(test::error_of([&] { up(); }).sqlstate(), "22012");
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int); SELECT 1;");
  EXPECT_EQ(test::error_of([&] { up(); }).exit_status(), 4);
}

TEST_F(RunnerTest, SmallVersionsInARowAreEachATransaction) {
  for (int i = 1; i <= 40; ++i) {
    directory_.write(
        fmt::format("{:03}_t.up.sql", i),
        i == 17 ? "CREATE TABLE t17 (x int);\n  SELECT 1/0;"
                : fmt::format("CREATE TABLE t{0} (x int); INSERT INTO t{0} VALUES (1);", i));
  }
  const Error error = test::error_of([&] { up(); });
  EXPECT_EQ(error.sqlstate(), "22012");
  EXPECT_NE(error.location().file.find("017_t.up.sql"), std::string::npos);
  EXPECT_EQ(error.location().line, 2);
  EXPECT_EQ(database_.value("SELECT count(*) FROM pgcycle.migration_version"), "16");
  EXPECT_EQ(database_.value("SELECT to_regclass('t16') IS NOT NULL AND to_regclass('t17') IS NULL"),
            "t");
  directory_.write("017_t.up.sql", "CREATE TABLE t17 (x int);");
  EXPECT_EQ(up().steps_run, 24U);
  EXPECT_EQ(up().steps_run, 0U);
  EXPECT_EQ(database_.value("SELECT count(*) FROM pgcycle.migration_step WHERE state = 'done'"),
            "40");
}

TEST_F(RunnerTest, ARowThatMeetsALockGoesOnWhereItIs) {
  database_.run("CREATE TABLE held (x int)");
  for (int i = 1; i <= 9; ++i) {
    directory_.write(
        fmt::format("m/{:03}_t.up.sql", i),
        i == 5 ? "CREATE INDEX held_x ON held (x);" : fmt::format("CREATE TABLE t{} (x int);", i));
  }
  directory_.write("pgcycle.json",
                   R"({"migrations": {"lockTimeout": "100ms", "lockWait": "300ms"}})");
  const server::Target target = database_.target();
  const Config config =
      Config::load(directory_.path() / "pgcycle.json", test::process_environment());
  const MigrateRequest request{target, config, directory_.path() / "m",     {},
                               false,  false,  test::process_environment(), reporter_};
  auto blocker = database_.connect();
  blocker.execute("BEGIN; INSERT INTO public.held VALUES (1)");
  const Error error = test::error_of([&] { migrate::up(request); });
  EXPECT_EQ(error.sqlstate(), "55P03");
  EXPECT_EQ(database_.value("SELECT count(*) FROM pgcycle.migration_version"), "4");
  blocker.execute("COMMIT");
  EXPECT_EQ(migrate::up(request).steps_run, 5U);
}

TEST_F(RunnerTest, ARoleThatIsTakenStatementByStatementStaysAndTheJournalIsWritten) {
  database_.run(
      "DROP ROLE IF EXISTS migrate_owner; CREATE ROLE migrate_owner; "
      "GRANT ALL ON SCHEMA public TO migrate_owner");
  directory_.write(
      "v1/010_a.sql",
      "-- pgcycle: no-transaction\nSET ROLE migrate_owner; CREATE TABLE a (x int); BEGIN; "
      "CREATE TABLE b (x int); COMMIT; CREATE INDEX CONCURRENTLY a_x ON a (x);");
  EXPECT_EQ(up().steps_run, 1U);
  EXPECT_EQ(database_.value("SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE "
                            "tablename IN ('a', 'b')"),
            "migrate_owner");
  database_.run(
      "DROP TABLE a, b; REVOKE ALL ON SCHEMA public FROM migrate_owner; DROP ROLE migrate_owner");
}

TEST_F(RunnerTest, TheTurnHoldsNoSnapshotWhateverTheDatabasesIsolation) {
  database_.run("CREATE TABLE a (x int)");
  database_.run(
      fmt::format("ALTER DATABASE {0} SET default_transaction_isolation = 'repeatable read'; "
                  "ALTER DATABASE {0} SET statement_timeout = '10s'",
                  database_.name()));
  directory_.write("v1/010_a.sql", "CREATE INDEX CONCURRENTLY a_x ON a (x);");
  EXPECT_EQ(up().steps_run, 1U);
}

TEST_F(RunnerTest, StatementsOfAWayBackThatAreDoneMustNotChange) {
  directory_.write("v1/010_a.sql", "CREATE TABLE a (x int); CREATE TABLE b (x int);");
  directory_.write("v1/010_a.down.sql", "-- pgcycle: no-transaction\nDROP TABLE a; SELECT 1/0;");
  up();
  EXPECT_EQ(test::error_of([&] { down(); }).sqlstate(), "22012");
  EXPECT_EQ(test::error_of([&] { up(); }).exit_status(), 4);
  directory_.write("v1/010_a.down.sql", "-- pgcycle: no-transaction\nDROP TABLE b; SELECT 1;");
  EXPECT_EQ(test::error_of([&] { down(); }).exit_status(), 4);
  directory_.write("v1/010_a.down.sql", "-- pgcycle: no-transaction\nDROP TABLE a; DROP TABLE b;");
  EXPECT_EQ(down().steps_run, 1U);
}

TEST_F(RunnerTest, WhatAScriptSaysStaysAsItIs) {
  script("v1/010_s.sh", "printf 'gr\\303\\274n\\n'; exit 1");
  EXPECT_NE(test::error_of([&] { up(); }).detail().find("gr\xc3\xbcn"), std::string::npos);
  script("v1/010_s.sh", "printf 'bad \\377 byte\\n'");
  up();
  EXPECT_EQ(database_.value("SELECT output FROM pgcycle.migration_step"), "bad ? byte\n");
}

TEST_F(RunnerTest, SettingsOfIncludedFilesDoNotReachTheNextStep) {
  directory_.write("v1/parts/i.sql",
                   "CREATE TABLE i AS SELECT set_config('work_mem', '7MB', false) AS x;");
  directory_.write("v1/010_a.sql", "\\ir parts/i.sql\n");
  directory_.write("v1/020_b.sql", "CREATE TABLE b AS SELECT current_setting('work_mem') AS m;");
  up();
  EXPECT_NE(database_.value("SELECT m FROM b"), "7MB");
}

}  // namespace
}  // namespace pgcycle::migrate
