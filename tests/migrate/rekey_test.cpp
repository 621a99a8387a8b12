#include "pgcycle/migrate/rekey.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "pgcycle/catalog/diff.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

class RekeyTest : public testing::Test {
 protected:
  // Runs the step in a transaction; the schema must be as before.
  RekeyReport rekey(const std::string& step) {
    const std::filesystem::path file = directory_.write("p.rekey.json", step);
    auto connection = database_.connect();
    const catalog::Inventory before = catalog::load_inventory(connection);
    postgres::Transaction transaction(connection);
    const RekeyReport report = run_rekey(connection, file);
    transaction.commit();
    for (const auto& change : catalog::compare(before, catalog::load_inventory(connection))) {
      ADD_FAILURE() << catalog::to_string(change);
    }
    return report;
  }
  // The keys 1, 2 and 3 of p change places.
  RekeyReport rotate(const std::string& more = {}) {
    return rekey(R"({"table": "p", "column": "id",
        "value": {"query": "SELECT id, id % 3 + 1 FROM public.p"})" +
                 more + "}");
  }

  test::TestDatabase database_;
  test::TestDirectory directory_;
};

TEST_F(RekeyTest, KeepsAllThatUniqueKeysHaveBesideTheirColumns) {
  database_.run(R"(
    CREATE TABLE p (id int PRIMARY KEY, name text);
    COMMENT ON CONSTRAINT p_pkey ON p IS 'the key';
    COMMENT ON INDEX p_pkey IS 'its index';
    CREATE UNIQUE INDEX p_other ON p (id) INCLUDE (name) WHERE name <> '';
    COMMENT ON INDEX p_other IS 'another';
    ALTER TABLE p CLUSTER ON p_pkey;
    CREATE TABLE c (p int NOT NULL, n int, CONSTRAINT c_key PRIMARY KEY (p));
    ALTER TABLE c ADD CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p ON UPDATE RESTRICT NOT VALID;
    COMMENT ON CONSTRAINT to_p ON c IS 'not all of them';
    ALTER TABLE c REPLICA IDENTITY USING INDEX c_key;
    CREATE TABLE g (c int UNIQUE REFERENCES c DEFERRABLE INITIALLY DEFERRED, EXCLUDE (c WITH =));
    INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c');
    INSERT INTO c VALUES (1, 1), (2, 2), (3, 3);
    INSERT INTO g VALUES (1), (2))");
  EXPECT_EQ(rotate().links, 5U);
  EXPECT_EQ(
      database_.value("SELECT string_agg(id || name || n || coalesce(g.c, 0), ' ' ORDER BY id) "
                      "FROM p JOIN c ON c.p = id LEFT JOIN g ON g.c = c.p"),
      "1c30 2a12 3b23");
}

TEST_F(RekeyTest, PartitionsAndKeysOfSeveralColumnsGoAlong) {
  database_.run(R"(
    CREATE TABLE p (id int PRIMARY KEY, up int REFERENCES p) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (3);
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (3) TO (9);
    CREATE TABLE c (p int REFERENCES p, kind text, UNIQUE (p, kind)) PARTITION BY LIST (kind);
    CREATE TABLE c1 PARTITION OF c DEFAULT;
    CREATE TABLE g (p int, kind text,
                    FOREIGN KEY (p, kind) REFERENCES c (p, kind) MATCH FULL ON DELETE CASCADE);
    INSERT INTO p VALUES (1, 1), (2, 1), (3, NULL);
    INSERT INTO c VALUES (1, 'x'), (2, 'x'), (3, 'y'), (NULL, 'z');
    INSERT INTO g VALUES (2, 'x'), (3, 'y'), (NULL, NULL))");
  EXPECT_EQ(rotate().links, 7U);
  EXPECT_EQ(
      database_.value("SELECT string_agg(id || ':' || coalesce(up, 0), ' ' ORDER BY id) FROM p"),
      "1:0 2:2 3:2");
  EXPECT_EQ(database_.value("SELECT string_agg(p || kind, ' ' ORDER BY p) FROM c"), "1y 2x 3x");
  EXPECT_EQ(database_.value("SELECT string_agg(p || kind, ' ' ORDER BY p) FROM g"), "1y 3x");
}

TEST_F(RekeyTest, IdentitiesAndSequencesGoAlong) {
  database_.run(R"(
    CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
    INSERT INTO p (name) VALUES ('a'), ('b');
    CREATE TABLE s (id serial PRIMARY KEY, p int REFERENCES p);
    INSERT INTO s (p) VALUES (1), (2))");
  rekey(R"({"table": "p", "column": "id", "value": {"query": "SELECT id, id + 2 FROM public.p"}})");
  rekey(R"({"table": "s", "column": "id", "value": {"query": "SELECT id, id + 2 FROM public.s"}})");
  database_.run("INSERT INTO p (name) VALUES ('c'); INSERT INTO s (p) VALUES (5)");
  EXPECT_EQ(database_.value("SELECT string_agg(id || name, ' ' ORDER BY id) FROM p"), "3a 4b 5c");
  EXPECT_EQ(database_.value("SELECT string_agg(id || '-' || p, ' ' ORDER BY id) FROM s"),
            "3-3 4-4 5-5");
}

TEST_F(RekeyTest, KeysAreComparedAsTheForeignKeyDoes) {
  database_.run(R"(
    CREATE TABLE p (id numeric PRIMARY KEY);
    CREATE TABLE c (p numeric(8, 2) PRIMARY KEY REFERENCES p);
    CREATE TABLE g (p numeric REFERENCES c);
    INSERT INTO p VALUES (1.0), (2.0), (3);
    INSERT INTO c VALUES (1), (3);
    INSERT INTO g VALUES (3.000), (1.0), (1))");
  EXPECT_EQ(rotate().links, 5U);
  EXPECT_EQ(database_.value("SELECT string_agg(p::text, ' ' ORDER BY p) FROM c"), "1.00 2.00");
  EXPECT_EQ(database_.value("SELECT string_agg(p::int::text, ' ' ORDER BY p) FROM g"), "1 2 2");
}

TEST_F(RekeyTest, NoKeyIsCutToAColumnsLength) {
  database_.run(R"(
    CREATE TABLE p (id text PRIMARY KEY);
    CREATE TABLE c (p varchar(3) PRIMARY KEY REFERENCES p);
    CREATE TABLE g (p varchar(9) REFERENCES c);
    CREATE TABLE s (p varchar(3));
    INSERT INTO p VALUES ('abc'), ('abcd');
    INSERT INTO c VALUES ('abc');
    INSERT INTO g VALUES ('abc');
    INSERT INTO s VALUES ('abc'))");
  const auto map = [this](const std::string& to) {
    return rekey(R"({"table": "p", "column": "id",
        "softReferences": [{"table": "s", "column": "p"}],
        "value": {"query": "VALUES ('abc', ')" +
                 to + "'), ('abcd', 'xyz1')\"}}");
  };
  EXPECT_EQ(test::error_of([&] { map("xyz0"); }).sqlstate(), "22001");
  map("xyz");
  EXPECT_EQ(database_.value("SELECT string_agg(id, ' ' ORDER BY id) FROM p"), "xyz xyz1");
  EXPECT_EQ(database_.value("SELECT c.p || ' ' || g.p || ' ' || s.p FROM c, g, s"), "xyz xyz xyz");
}

TEST_F(RekeyTest, KeysInJsonStayNumbersOrTexts) {
  database_.run(R"(
    CREATE TABLE p (id int PRIMARY KEY);
    INSERT INTO p VALUES (1), (2), (3);
    CREATE TABLE e (id int, b jsonb, j json);
    INSERT INTO e VALUES (1, '{"p": {"id": 1}}', '{"p": "2"}'), (2, '{"p": {"id": "3"}}', NULL),
                         (3, '{"p": 1}', '{"p": 9}'))");
  const RekeyReport report = rotate(R"(, "softReferences": [
      {"table": "e", "column": "b", "path": ["p", "id"]}, {"table": "e", "column": "j", "path": ["p"]}])");
  EXPECT_EQ(report.links, 3U);
  EXPECT_EQ(database_.value("SELECT string_agg(b::text, ' ' ORDER BY id) FROM e"),
            R"({"p": {"id": 2}} {"p": {"id": "1"}} {"p": 1})");
  EXPECT_EQ(database_.value("SELECT string_agg(j::text, ' ' ORDER BY id) FROM e"),
            R"({"p": "3"} {"p": 9})");
}

// Others may make tables meanwhile, and give rights: these are theirs.
TEST_F(RekeyTest, LeavesAloneWhatOthersMakeMeanwhile) {
  database_.run(
      "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p); CREATE TABLE s (p "
      "int UNIQUE); INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (1); INSERT INTO s "
      "VALUES (1)");
  constexpr int kTables = 40;
  std::thread others([this] {
    auto session = database_.connect();
    for (int i = 0; i < kTables; ++i) {
      session.execute(fmt::format("CREATE TABLE public.other_{} (id int PRIMARY KEY)", i));
      if (i == kTables / 2) session.execute("GRANT SELECT ON public.p TO PUBLIC");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  const std::filesystem::path file =
      directory_.write("p.rekey.json", R"json({"table": "p", "column": "id",
      "value": {"query": "SELECT id, id % 3 + 1 FROM public.p"},
      "softReferences": [{"table": "s", "column": "p", "where": "pg_sleep(0.5) IS NOT NULL"}]})json");
  auto connection = database_.connect();
  postgres::Transaction transaction(connection);
  run_rekey(connection, file);
  transaction.commit();
  others.join();
  EXPECT_EQ(database_.value("SELECT count(*) FROM pg_class WHERE relname ~ '^other_[0-9]+$'"),
            std::to_string(kTables));
  EXPECT_EQ(database_.value("SELECT has_table_privilege('public', 'p', 'SELECT')"), "t");
  EXPECT_EQ(database_.value("SELECT c.p || ' ' || s.p FROM c, s"), "2 2");
}

TEST_F(RekeyTest, AColumnIsFollowedOnce) {
  database_.run(
      "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p);"
      "INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (1)");
  const Error error =
      test::error_of([&] { rotate(R"(, "softReferences": [{"table": "c", "column": "p"}])"); });
  EXPECT_EQ(error.code(), ErrorCode::input);
  EXPECT_EQ(error.location().line, 2);
}

TEST_F(RekeyTest, ATypeThatCannotHoldAUuidIsToldAtOnce) {
  database_.run("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1)");
  const Error error = test::error_of([&] {
    rekey(R"({"table": "p", "column": "id", "value": {"uuid5": {
        "namespace": "0f8d2c61-0000-4000-8000-000000000000", "columns": ["id"]}}})");
  });
  EXPECT_EQ(error.code(), ErrorCode::input);
}

}  // namespace
}  // namespace pgcycle::migrate
