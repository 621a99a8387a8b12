#include "pgcycle/migrate/journal.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

using test::TestDatabase;

class RunWithTheTurn : public testing::Test {
 protected:
  RunWithTheTurn() {
    journal.prepare();
    journal.take_turn(reporter_);
  }

  TestDatabase database;
  postgres::Connection connection = database.connect();
  Journal journal{connection};

 private:
  test::RecordingReporter reporter_;
};

TEST_F(RunWithTheTurn, ThatHasLostItChangesNothingMore) {
  EXPECT_EQ(connection.query(journal.fence()).get(0, 0), "1");
  database.value("UPDATE pgcycle.migration_turn SET token = 'x' RETURNING token");
  const Error error = test::error_of([&] { connection.query(journal.fence()); });
  EXPECT_NE(std::string(error.message()).find("another run has taken the turn"), std::string::npos);
}

TEST_F(RunWithTheTurn, KeepsItUntilItsTransactionEnds) {
  connection.execute("BEGIN");
  connection.query(journal.fence());
  const auto free = [&] {
    return database.value(
        "SELECT count(*) FROM (SELECT FROM pgcycle.migration_turn FOR UPDATE SKIP LOCKED) t");
  };
  EXPECT_EQ(free(), "0");
  connection.execute("COMMIT");
  EXPECT_EQ(free(), "1");
}

TEST(Journal, OfAnEarlierPgcycleIsBroughtUpToDate) {
  TestDatabase database;
  auto connection = database.connect();
  connection.execute(
      "CREATE SCHEMA pgcycle; CREATE TABLE pgcycle.migration_version (version text PRIMARY KEY, "
      "applied_at timestamptz NOT NULL DEFAULT now(), applied_by text NOT NULL DEFAULT "
      "session_user); CREATE TABLE pgcycle.migration_step (version text NOT NULL, step text NOT "
      "NULL, kind text NOT NULL, checksum text NOT NULL, state text NOT NULL, statements_done "
      "integer NOT NULL DEFAULT 0, started_at timestamptz NOT NULL DEFAULT clock_timestamp(), "
      "finished_at timestamptz, duration_ms double precision, applied_by text NOT NULL DEFAULT "
      "session_user, PRIMARY KEY (version, step)); INSERT INTO pgcycle.migration_version VALUES "
      "('v1'); INSERT INTO pgcycle.migration_step VALUES ('v1', 's', 'sql', 'c', 'done')");
  Journal journal(connection);
  EXPECT_EQ(journal.read().steps.at({"v1", "s"}).state, "done");
  journal.prepare();
  journal.prepare();
  Version version;
  version.name = "v2";
  Step step;
  step.name = "t";
  journal.run(Journal::applied_at_first(version, step));
  journal.run(Journal::applied(version, step, true));
  const JournalContents contents = journal.read();
  EXPECT_EQ(contents.steps.size(), 2U);
  EXPECT_TRUE(contents.versions.contains("v2"));
  TestDatabase fresh;
  auto other = fresh.connect();
  Journal(other).prepare();
  constexpr const char* kColumns =
      "SELECT string_agg(format('%s %s %s', attname, atttypid::regtype, attnotnull), ',' ORDER BY "
      "attname) FROM pg_attribute WHERE attrelid = 'pgcycle.migration_step'::regclass AND attnum > "
      "0";
  EXPECT_EQ(database.value(kColumns), fresh.value(kColumns));
}

}  // namespace
}  // namespace pgcycle::migrate
