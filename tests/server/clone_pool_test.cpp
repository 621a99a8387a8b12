#include "pgcycle/server/clone_pool.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/lease.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;

constexpr const char* kSchema = R"(
CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, doc jsonb,
                size int GENERATED ALWAYS AS (length(name)) STORED);
CREATE TABLE b (id serial PRIMARY KEY, a_id int REFERENCES a ON DELETE CASCADE, big text);
CREATE TABLE "C c" (x int, "Y" text) ;
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE p (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (100);
CREATE SEQUENCE untold START 5;
CREATE SEQUENCE "it's" ;
CREATE TABLE log (t text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.log VALUES (TG_OP); RETURN NULL; END';
CREATE TRIGGER note AFTER INSERT OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION note();
CREATE RULE no_delete AS ON DELETE TO "C c" WHERE OLD.x = 1 DO INSTEAD NOTHING;
INSERT INTO a (name, doc) SELECT 'n' || i, jsonb_build_object('i', i) FROM generate_series(1, 30) i;
INSERT INTO b (a_id, big) SELECT i, string_agg(md5(i || '.' || j), '') FROM generate_series(1, 20) i,
  generate_series(1, 200) j GROUP BY i;
ALTER TABLE b ALTER big SET STORAGE EXTERNAL;
INSERT INTO "C c" SELECT i, E'tab\t\\ ' || i FROM generate_series(1, 10) i;
INSERT INTO p SELECT i, 'v' || i FROM generate_series(0, 50) i;
SELECT nextval('"it''s"');
)";

// Everything in a database that a test could tell.
std::string state_of(const postgres::ConnectionInfo& info) {
  auto connection = postgres::Connection::open(info);
  std::string state = connection
                          .query(
                              "SELECT string_agg(concat_ws(' ', c.oid::regclass, c.relkind, "
                              "a.attname, a.atttypid, a.attnotnull), ', ' ORDER BY "
                              "c.relname, a.attnum) FROM pg_class c LEFT JOIN pg_attribute a "
                              "ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = "
                              "'public'::regnamespace")
                          .get(0, 0);
  const auto relations = connection.query(
      "SELECT c.oid::regclass, c.relkind FROM pg_class c WHERE c.relkind IN ('r', 'S') AND "
      "c.relnamespace = 'public'::regnamespace ORDER BY c.relname");
  for (std::size_t i = 0; i < relations.size(); ++i) {
    const std::string name = relations.get(i, 0);
    const std::string rows =
        relations.get(i, 1) == "S"
            ? "SELECT last_value || ' ' || is_called FROM " + name
            : "SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM ONLY " + name + " t";
    state += "\n" + name + ": " + connection.query(rows).get(0, 0);
  }
  state += connection.query("SELECT count(*) FROM pg_largeobject_metadata").get(0, 0);
  return state;
}

class ClonePoolTest : public testing::Test {
 protected:
  ClonePoolTest() : target_(database_.target()) {}
  void SetUp() override {
    if (database_.connect().server_version() < 150000) {
      GTEST_SKIP() << "pg_walinspect came with PostgreSQL 15";
    }
  }
  void fill(const std::string& sql = kSchema) const { database_.run(sql); }
  ClonePool pool() { return {target_, {database_.name(), false, 2, 900}, test::silent()}; }
  static void run(const postgres::ConnectionInfo& info, const std::string& sql) {
    postgres::Connection::open(info, {"test", nullptr, true}).execute(sql);
  }
  std::string databases() const {
    return database_.value("SELECT count(*) FROM pg_database WHERE datname LIKE 'pgcycle%'");
  }

  TestDatabase database_;
  Target target_;
};

TEST_F(ClonePoolTest, ResetsInTheCheapestWay) {
  fill();
  {
    ClonePool pool = this->pool();
    ASSERT_EQ(pool.in_place_obstacle(), "");
    const auto info = pool.acquire();
    const std::string before = state_of(info);
    const auto way = [&](const std::string& sql) {
      if (!sql.empty()) run(info, sql);
      const InPlaceOutcome outcome = pool.reset(info.database());
      EXPECT_EQ(state_of(info), before) << sql;
      return std::string(name_of(outcome.way)) + " " + outcome.reason +
             fmt::format("{}", fmt::join(outcome.tables, ","));
    };
    EXPECT_EQ(way(""), "untouched ");
    EXPECT_EQ(way("SELECT * FROM a FOR UPDATE"), "untouched ");
    EXPECT_EQ(way("VACUUM a; "), "untouched ");
    EXPECT_EQ(way("ANALYZE"), "untouched ");
    EXPECT_EQ(way("SELECT nextval('untold')"), "sequences ");
    EXPECT_EQ(way("SELECT nextval('\"it''s\"')"), "sequences ");
    EXPECT_EQ(way("UPDATE p SET v = 'x' WHERE k = 3"), "tables public.p1");
    EXPECT_EQ(way("DELETE FROM a WHERE id = 3"), "tables public.a,public.b,public.log");
    EXPECT_EQ(way("DELETE FROM \"C c\""), "tables public.\"C c\"");
    EXPECT_EQ(way("INSERT INTO empty VALUES (1)"), "tables public.empty");
    EXPECT_EQ(way("INSERT INTO a (name) VALUES ('x')"), "tables public.a,public.log");
    EXPECT_EQ(way("TRUNCATE a, b RESTART IDENTITY"), "tables public.a,public.b");
    EXPECT_EQ(way("UPDATE b SET big = big || 'x' WHERE id = 2"), "tables public.b");
    EXPECT_EQ(way("TRUNCATE b; INSERT INTO b (id) VALUES (1)"), "tables public.b");
    EXPECT_EQ(way("CREATE TABLE mine (id int)").substr(0, 11), "reclone DDL");
    EXPECT_EQ(way("ALTER TABLE a SET (fillfactor = 50)"), "reclone DDL");
    EXPECT_EQ(way("DROP SEQUENCE untold").substr(0, 7), "reclone");
    EXPECT_EQ(way("SELECT lo_create(0)").substr(0, 11), "reclone DDL");
    EXPECT_EQ(way("UPDATE p SET v = 'x' WHERE k = 13"), "tables public.p2");
    // Its guard lets the other programs work on a clone.
    auto maintenance = open_maintenance(target_, test::silent());
    EXPECT_TRUE(is_marked_test_database(maintenance, info.database()));
    EXPECT_TRUE(drop_abandoned_databases(maintenance, test::silent()).empty());
  }
  EXPECT_EQ(databases(), "0");
}

TEST_F(ClonePoolTest, WhatIsNotCommittedNeverReachesTheNextTest) {
  fill();
  ClonePool pool = this->pool();
  const auto info = pool.acquire();
  const std::string before = state_of(info);
  auto writer = postgres::Connection::open(info, {"test", nullptr, true});
  writer.execute("BEGIN; INSERT INTO a (name) VALUES ('late')");
  pool.reset(info.database());
  EXPECT_THROW(writer.execute("COMMIT"), Error);
  EXPECT_EQ(state_of(info), before);
  // A session that only reads stays.
  auto reader = postgres::Connection::open(info, {"test", nullptr, true});
  reader.execute("SELECT 1");
  run(info, "DELETE FROM log");
  pool.reset(info.database());
  EXPECT_EQ(reader.query("SELECT 42").get(0, 0), "42");
}

TEST_F(ClonePoolTest, ReleasedClonesServeAgainAsTheyWere) {
  fill();
  ClonePool pool = this->pool();
  const std::string before = state_of(database_.info());
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) {
    const auto info = pool.acquire();
    EXPECT_EQ(state_of(info), before);
    names.insert(info.database());
    run(info, i % 5 == 4 ? "DROP TABLE log CASCADE" : "DELETE FROM a");
    pool.release(info.database());
    pool.settle();
  }
  EXPECT_LT(names.size(), 12U);
  EXPECT_THROW(pool.reset("nobody's"), Error);
}

TEST_F(ClonePoolTest, SaysWhyItCannotResetInPlace) {
  fill("CREATE UNLOGGED TABLE u (id int); CREATE TABLE t (id int)");
  ClonePool pool = this->pool();
  EXPECT_EQ(pool.in_place_obstacle(), "the unlogged table public.u");
  const auto info = pool.acquire();
  const std::string before = state_of(info);
  run(info, "INSERT INTO u VALUES (1)");
  const InPlaceOutcome outcome = pool.reset(info.database());
  EXPECT_EQ(outcome.way, ResetWay::reclone);
  EXPECT_EQ(outcome.reason, "the unlogged table public.u");
  EXPECT_EQ(state_of(info), before);
}

TEST_F(ClonePoolTest, TriggersThatFireOnReplicasNeedANewClone) {
  fill(std::string(kSchema) + "; ALTER TABLE a ENABLE ALWAYS TRIGGER note");
  ClonePool pool = this->pool();
  const auto info = pool.acquire();
  run(info, "UPDATE a SET name = 'x'");
  EXPECT_EQ(pool.reset(info.database()).reason,
            "public.a, a table whose triggers fire on replicas");
  run(info, "UPDATE b SET big = 'x'");
  EXPECT_EQ(pool.reset(info.database()).way, ResetWay::tables);
}

// Whatever is done, a reset brings back every row, sequence and relation.
TEST_F(ClonePoolTest, RowsThatBreakAConstraintThatIsNotValidNeedANewClone) {
  fill(
      "CREATE TABLE t (x int); INSERT INTO t VALUES (-1); ALTER TABLE t ADD CHECK (x > 0) NOT "
      "VALID");
  ClonePool pool = this->pool();
  const auto info = pool.acquire();
  const std::string before = state_of(info);
  run(info, "DELETE FROM t");
  EXPECT_EQ(pool.reset(info.database()).reason,
            "public.t, a table whose rows may break a constraint that is not valid");
  EXPECT_EQ(state_of(info), before);
}

TEST_F(ClonePoolTest, RandomWorkIsUndone) {
  const unsigned seed = test::test_seed();
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t n) { return random() % n; };
  const std::vector<std::string> dml{
      "INSERT INTO a (name) SELECT 'r' || random() FROM generate_series(1, 3)",
      "UPDATE a SET name = name || 'x' WHERE id % 3 = 0",
      "UPDATE a SET doc = '{\"z\": 1}'",
      "DELETE FROM a WHERE id > 10",
      "UPDATE b SET big = repeat(md5(random()::text), 300) WHERE id = 4",
      "INSERT INTO b (a_id) SELECT min(id) FROM a",
      "DELETE FROM \"C c\"",
      "INSERT INTO \"C c\" VALUES (1, 'new')",
      "UPDATE p SET k = k + 9 WHERE k < 5",
      "TRUNCATE p",
      "TRUNCATE a CASCADE",
      "TRUNCATE b RESTART IDENTITY",
      "TRUNCATE log; INSERT INTO log VALUES ('x')",
      "SELECT nextval('untold')",
      "SELECT setval('untold', 77, false)",
      "SELECT setval('untold', 5, false)",
      "BEGIN; DELETE FROM p; ROLLBACK",
      "BEGIN; TRUNCATE p; INSERT INTO p VALUES (5, 'x'); ROLLBACK",
      "BEGIN; SAVEPOINT s; DELETE FROM log; ROLLBACK TO s; INSERT INTO log VALUES ('y'); COMMIT",
      "SELECT * FROM a FOR UPDATE",
      "VACUUM a",
      "VACUUM FREEZE p1",
      "ANALYZE",
      "SET synchronous_commit = off; INSERT INTO log VALUES ('asynchronous')",
      "SELECT 1",
  };
  const std::vector<std::string> ddl{
      "CREATE TABLE more (id int)",
      "ALTER TABLE log ADD COLUMN extra int DEFAULT 4",
      "CREATE INDEX ON log (t)",
      "DROP TABLE log CASCADE",
      "CREATE TEMP TABLE mine (id int)",
      "ALTER TABLE a DISABLE TRIGGER note",
      "VACUUM FULL a",
      "ALTER SEQUENCE untold INCREMENT 3",
      "SELECT lo_create(0)",
      "GRANT SELECT ON a TO PUBLIC",
      "ALTER TABLE log SET UNLOGGED",
      "REINDEX TABLE a",
      "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
  };
  fill();
  ClonePool pool = this->pool();
  std::vector<postgres::ConnectionInfo> clones{pool.acquire(), pool.acquire()};
  const std::string before = state_of(clones[0]);
  std::map<std::string_view, int> ways;
  for (int round = 0; round < 250; ++round) {
    const auto& info = clones[below(clones.size())];
    std::string done;
    bool changes_schema = false;
    for (std::size_t i = below(4); i > 0; --i) {
      changes_schema = below(12) == 0;
      const std::string& sql = changes_schema ? ddl[below(ddl.size())] : dml[below(dml.size())];
      done += sql + "; ";
      run(info, sql);
      if (changes_schema) break;  // what follows may need what is gone
    }
    const InPlaceOutcome outcome = pool.reset(info.database());
    ++ways[name_of(outcome.way)];
    ASSERT_EQ(state_of(info), before) << "seed " << seed << ", round " << round << ": " << done
                                      << "\nway: " << name_of(outcome.way) << " " << outcome.reason;
    if (!changes_schema) {
      ASSERT_NE(outcome.way, ResetWay::reclone) << done << outcome.reason << " seed " << seed;
    }
    if (below(2) == 0) pool.settle();
  }
  for (const auto way : {"untouched", "sequences", "tables", "reclone"}) EXPECT_GT(ways[way], 0);
}

}  // namespace
}  // namespace pgcycle::server
