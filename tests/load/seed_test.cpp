#include "pgcycle/load/seed.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <set>
#include <stop_token>
#include <thread>

#include "pgcycle/fixture/extract.hpp"
#include "pgcycle/support/file.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::load {
namespace {

using test::TestDatabase;
using test::TestDirectory;

// A request whose seeds are remembered.
struct RememberingSeed {
  RememberingSeed(const TestDatabase& database, const std::filesystem::path& directory)
      : config(Config::empty(directory, test::process_environment())),
        target(database.target()),
        request{target, config, {directory / "f", directory / "no", {}, false}, test::silent()} {
    request.memory_directory = directory / "memory";
  }
  Config config;
  server::Target target;
  SeedRequest request;
};

class SeedTest : public testing::Test {
 protected:
  void extract() {
    auto connection = database_.connect();
    fixture::extract({connection, directory_.path() / "f", {}, {}, false, test::silent()});
  }
  SeedReport seed(const std::string& user = {}) {
    server::Target target = database_.target();
    if (!user.empty()) target.info = target.info.with("user", user);
    const Config config = Config::empty(directory_.path(), test::process_environment());
    return load::seed({target,
                       config,
                       {directory_.path() / "f", directory_.path() / "no", {}, false},
                       test::silent()});
  }
  std::string dump(const std::string& tables) {
    return database_.value("SELECT string_agg(t::text, ';' ORDER BY t::text) FROM (" + tables +
                           ") t");
  }

  TestDatabase database_;
  TestDirectory directory_;
};

constexpr const char* kCycle = R"(
  CREATE TABLE a (id int PRIMARY KEY, b_id int NOT NULL, up int REFERENCES a);
  CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
  INSERT INTO a VALUES (1, 1, 2), (2, 2, 1), (3, 1, 3);
  INSERT INTO b VALUES (1, 2), (2, 3);
  ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b;)";

TEST_F(SeedTest, LoadsCyclesAndSelfReferences) {
  database_.run(kCycle);
  const std::string before = dump("SELECT a::text FROM a UNION ALL SELECT b::text FROM b");
  extract();
  database_.run("TRUNCATE a, b");
  const SeedReport report = seed();
  EXPECT_EQ(dump("SELECT a::text FROM a UNION ALL SELECT b::text FROM b"), before);
  EXPECT_EQ(report.foreign_keys_proven, 3U);
}

TEST_F(SeedTest, LoadsThemAsAnOwnerWhoIsNoSuperuser) {
  const std::string role = "owner_of_" + database_.name();
  database_.run("CREATE ROLE " + role + " LOGIN; GRANT ALL ON DATABASE " + database_.name() +
                " TO " + role + "; GRANT ALL ON SCHEMA public TO " + role);
  auto owner =
      postgres::Connection::open(database_.info().with("user", role), {"t", nullptr, true});
  owner.execute(kCycle);
  owner.execute(
      "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;"
      "CREATE TRIGGER loud BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION loud();");
  const std::string before = dump("SELECT a::text FROM a UNION ALL SELECT b::text FROM b");
  const std::string constraints = database_.value(
      "SELECT string_agg(conname || condeferrable || condeferred || convalidated, ',' ORDER BY "
      "conname) FROM pg_constraint WHERE contype = 'f'");
  extract();
  seed(role);
  EXPECT_EQ(dump("SELECT a::text FROM a UNION ALL SELECT b::text FROM b"), before);
  EXPECT_EQ(database_.value("SELECT string_agg(conname || condeferrable || condeferred || "
                            "convalidated, ',' ORDER BY conname) "
                            "FROM pg_constraint WHERE contype = 'f'"),
            constraints);
  EXPECT_EQ(database_.value(
                "SELECT string_agg(tgenabled::text, '') FROM pg_trigger WHERE tgname = 'loud'"),
            "O");
  // A row that refers to nothing is found here as well.
  std::string file = read_file(directory_.path() / "f/public/b.json");
  file.replace(file.find("\"a_id\": 2"), 9, "\"a_id\": 9");
  directory_.write("f/public/b.json", file);
  EXPECT_EQ(test::error_of([&] { seed(role); }).sqlstate(), "23503");
  database_.run("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

TEST_F(SeedTest, KeepsTriggersAtRestThatFireOnReplicasToo) {
  database_.run(R"(
    CREATE TABLE a (id int PRIMARY KEY);
    INSERT INTO a VALUES (1), (2);
    CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
    CREATE TRIGGER always BEFORE INSERT OR DELETE ON a FOR EACH ROW EXECUTE FUNCTION loud();
    CREATE TRIGGER on_replicas BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION loud();
    ALTER TABLE a ENABLE ALWAYS TRIGGER always;
    ALTER TABLE a ENABLE REPLICA TRIGGER on_replicas;)");
  extract();
  seed();
  EXPECT_EQ(database_.value("SELECT count(*) FROM a"), "2");
  EXPECT_EQ(database_.value("SELECT string_agg(tgenabled::text, '' ORDER BY tgname) FROM "
                            "pg_trigger WHERE tgrelid = 'a'::regclass"),
            "AR");
}

constexpr const char* kChecks =
    "SELECT string_agg(conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || "
    "conislocal || coninhcount || coalesce(obj_description(oid), ''), '; ' ORDER BY "
    "conrelid::regclass::text, conname) FROM pg_constraint WHERE contype = 'c'";

// Where a constraint is NOT VALID, rows may be older than it.
TEST_F(SeedTest, LoadsRowsThatAreOlderThanAConstraint) {
  database_.run(R"(
    CREATE TABLE a (id int PRIMARY KEY, age int CHECK (age < 1000));
    INSERT INTO a VALUES (1, -1), (2, 5);
    ALTER TABLE a ADD CONSTRAINT "Born" CHECK (age > 0) NOT VALID;
    COMMENT ON CONSTRAINT "Born" ON a IS 'it''s new';
    CREATE TABLE p (k int, v int) PARTITION BY RANGE (k);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
    INSERT INTO p VALUES (1, -1), (11, -2);
    ALTER TABLE p1 ADD CONSTRAINT sign CHECK (v > 0) NOT VALID;
    ALTER TABLE p ADD CONSTRAINT sign CHECK (v > 0) NOT VALID;
    CREATE TABLE up (x int);
    CREATE TABLE down () INHERITS (up);
    INSERT INTO up VALUES (-1);
    INSERT INTO down VALUES (-2);
    ALTER TABLE up ADD CONSTRAINT positive CHECK (x > 0) NOT VALID;)");
  const std::string checks = database_.value(kChecks);
  extract();
  database_.run("DELETE FROM a; DELETE FROM p; DELETE FROM up");
  seed();
  EXPECT_EQ(dump("SELECT * FROM a"), "(1,-1);(2,5)");
  EXPECT_EQ(dump("SELECT * FROM p"), "(1,-1);(11,-2)");
  EXPECT_EQ(dump("SELECT * FROM up"), "(-1);(-2)");
  EXPECT_EQ(database_.value(kChecks), checks);

  database_.run("DELETE FROM a");
  server::Target target = database_.target();
  const Config config = Config::empty(directory_.path(), test::process_environment());
  SeedRequest aside{
      target, config, {directory_.path() / "f", "/nowhere", {}, false}, test::silent()};
  aside.single_transaction = false;
  load::seed(aside);
  EXPECT_EQ(dump("SELECT * FROM a"), "(1,-1);(2,5)");
  EXPECT_EQ(database_.value(kChecks), checks);

  // A valid one holds, and for a golden record so does every one.
  std::string file = read_file(directory_.path() / "f/public/a.json");
  file.replace(file.find("\"age\": 5"), 8, "\"age\": 5000");
  directory_.write("f/public/a.json", file);
  EXPECT_EQ(test::error_of([&] { seed(); }).sqlstate(), "23514");
  file.replace(file.find("5000"), 4, "5");
  file.replace(file.find("-1"), 2, "1");
  directory_.write("f/public/a.json", file);
  seed();
  directory_.write("no/a.json", R"({"public.a": [{"id": 3, "age": -3}]})");
  EXPECT_EQ(test::error_of([&] { seed(); }).sqlstate(), "23514");
  EXPECT_EQ(dump("SELECT * FROM a"), "(1,1);(2,5)");
  EXPECT_EQ(database_.value(kChecks), checks);
}

TEST_F(SeedTest, LoadsAsARoleThatMayOnlyReadAndWriteRows) {
  database_.run(R"(
    CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, up int REFERENCES a, name varchar(3));
    CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL REFERENCES a);
    INSERT INTO a (up, name) VALUES (2, 'x'), (1, 'y'), (NULL, 'z');
    INSERT INTO b VALUES (1, 2), (2, 3);)");
  const std::string query = "SELECT a::text FROM a UNION ALL SELECT b::text FROM b";
  const std::string before = dump(query);
  extract();
  const std::string role = "writer_of_" + database_.name();
  database_.run("CREATE ROLE " + role + " LOGIN");
  database_.run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + role +
                "; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO " + role +
                "; UPDATE a SET name = 'old'; DELETE FROM b WHERE id = 1");
  const SeedReport report = seed(role);
  EXPECT_EQ(dump(query), before);
  EXPECT_EQ(report.sequences_set, 1U);
  database_.run("DROP OWNED BY " + role);
  database_.run("DROP ROLE " + role);
}

TEST_F(SeedTest, ProvesEveryKeyAndNamesTheRow) {
  database_.run(
      "CREATE TABLE p (x int, y text, PRIMARY KEY (x, y)); CREATE TABLE c (id int PRIMARY KEY, x "
      "int, y text, "
      "FOREIGN KEY (x, y) REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO p VALUES (1, "
      "'a'); "
      "INSERT INTO c VALUES (1, 1, 'a'), (2, NULL, 'zz'), (3, 1, 'a')");
  extract();
  EXPECT_NO_THROW(seed());
  std::string file = read_file(directory_.path() / "f/public/c.json");
  file.replace(file.rfind("\"y\": \"a\""), 8, "\"y\": \"b\"");
  directory_.write("f/public/c.json", file);
  const Error error = test::error_of([&] { seed(); });
  EXPECT_EQ(error.sqlstate(), "23503");
  EXPECT_EQ(error.constraint(), "c_x_y_fkey");
  EXPECT_EQ(error.location().line, 4);
  EXPECT_EQ(database_.value("SELECT count(*) FROM c"), "3");
}

// A key is its table's own rows' and of its own operators, as PostgreSQL has it.
TEST_F(SeedTest, ProvesKeysByTheRowsAndOperatorsThatTheyAreOf) {
  database_.run(R"(
    CREATE EXTENSION citext;
    CREATE TABLE names (name citext PRIMARY KEY);
    CREATE TABLE named (id int PRIMARY KEY, name citext REFERENCES names);
    INSERT INTO names VALUES ('Ada');
    INSERT INTO named VALUES (1, 'ADA');
    CREATE TABLE up (id int PRIMARY KEY);
    CREATE TABLE user_of_up (up_id int REFERENCES up);
    CREATE TABLE down (up_id int) INHERITS (user_of_up);
    INSERT INTO up VALUES (1);
    INSERT INTO user_of_up VALUES (1);
    INSERT INTO down VALUES (7);
    CREATE TABLE p (k int, up_id int) PARTITION BY RANGE (k);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
    ALTER TABLE p1 ADD CONSTRAINT own FOREIGN KEY (up_id) REFERENCES up;
    INSERT INTO p VALUES (1, 1), (11, 8);)");
  extract();
  EXPECT_EQ(seed().foreign_keys_proven, 3U);
  EXPECT_EQ(dump("SELECT * FROM p"), "(1,1);(11,8)");
  std::string file = read_file(directory_.path() / "f/public/p.json");
  file.replace(file.find("\"up_id\": 1"), 10, "\"up_id\": 8");
  directory_.write("f/public/p.json", file);
  const Error error = test::error_of([&] { seed(); });
  EXPECT_EQ(error.sqlstate(), "23503");
  EXPECT_EQ(error.location().line, 2);

  // Rows of a table that inherits are not referred to.
  file.replace(file.find("\"up_id\": 8"), 10, "\"up_id\": 1");
  directory_.write("f/public/p.json", file);
  database_.run("CREATE TABLE more () INHERITS (up); INSERT INTO more VALUES (9)");
  file = read_file(directory_.path() / "f/public/user_of_up.json");
  file.replace(file.find("\"up_id\": 1"), 10, "\"up_id\": 9");
  directory_.write("f/public/user_of_up.json", file);
  EXPECT_EQ(test::error_of([&] { seed(); }).sqlstate(), "23503");
}

TEST_F(SeedTest, SetsSequencesBehindTheirColumns) {
  database_.run(R"(CREATE SEQUENCE shared; CREATE SEQUENCE down INCREMENT -1;
    CREATE TABLE s (id serial PRIMARY KEY, n int DEFAULT nextval('shared')); CREATE TABLE t (n int DEFAULT nextval('shared'), d int DEFAULT nextval('down'));
    CREATE TABLE e (id int GENERATED ALWAYS AS IDENTITY (START 100));
    INSERT INTO s VALUES (5, 70); INSERT INTO t VALUES (90, -4); SELECT setval('s_id_seq', 999), setval('e_id_seq', 500);)");
  extract();
  const SeedReport report = seed();
  EXPECT_EQ(report.sequences_set, 4U);
  EXPECT_EQ(database_.value("SELECT concat_ws(',', nextval('s_id_seq'), nextval('shared'), "
                            "nextval('down'), nextval('e_id_seq'))"),
            "6,91,-5,100");
}

// Values that the sequence cannot have drawn do not count.
TEST_F(SeedTest, SetsSequencesWithinTheirBounds) {
  database_.run(R"(CREATE SEQUENCE up MAXVALUE 100; CREATE SEQUENCE down INCREMENT -1 MINVALUE -100;
    CREATE SEQUENCE low; CREATE SEQUENCE two MAXVALUE 50;
    CREATE TABLE t (u bigint DEFAULT nextval('up'), d bigint DEFAULT nextval('down'),
      l bigint DEFAULT nextval('low'), b bigint DEFAULT nextval('two'));
    CREATE TABLE o (b bigint DEFAULT nextval('two'));
    INSERT INTO t VALUES (7, -8, -3, 9000), (1000, -2000, -4, 11); INSERT INTO o VALUES (12), (51);
    SELECT setval('low', 77), setval('two', 5);)");
  extract();
  seed();
  EXPECT_EQ(database_.value("SELECT concat_ws(',', nextval('up'), nextval('down'), nextval('low'), "
                            "nextval('two'))"),
            "8,-9,1,13");
}

// Most are known from the rows that were sent; else the server is asked.
TEST_F(SeedTest, SetsSequencesWhereverTheirValuesStand) {
  database_.run(R"(CREATE DOMAIN whole AS bigint; CREATE SEQUENCE d; CREATE SEQUENCE n;
    CREATE TABLE plain (id serial); CREATE TABLE parent (id serial); CREATE TABLE heir () INHERITS (parent);
    CREATE TABLE parts (id serial, p int) PARTITION BY LIST (p);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
    CREATE TABLE domains (id whole DEFAULT nextval('d')); CREATE TABLE numbers (id numeric DEFAULT nextval('n'));
    CREATE TABLE nulls (id int GENERATED BY DEFAULT AS IDENTITY, other int); CREATE TABLE texts (id bigserial);
    ALTER TABLE nulls ALTER id DROP IDENTITY, ALTER id DROP NOT NULL; CREATE SEQUENCE z OWNED BY nulls.id;
    INSERT INTO plain VALUES (3), (-9), (11), (2); INSERT INTO parent VALUES (4); INSERT INTO heir VALUES (21);
    INSERT INTO parts VALUES (31, 1), (7, 1); INSERT INTO domains VALUES (41), (9); INSERT INTO numbers VALUES (51), (9.25);
    INSERT INTO nulls VALUES (NULL, 1); INSERT INTO texts VALUES (1), (2), (61))");
  extract();
  const std::string file = read_file(directory_.path() / "f/public/texts.json");
  const std::size_t at = file.find("61");
  ASSERT_NE(at, std::string::npos);
  const auto places = [this] {
    return database_.value(
        "SELECT concat_ws(',', nextval('plain_id_seq'), nextval('parent_id_seq'), "
        "nextval('parts_id_seq'), nextval('d'), nextval('n'), nextval('z'), "
        "nextval('texts_id_seq'))");
  };
  for (const char* text : {"61", "\" 61\"", "\"+61\""}) {
    directory_.write("f/public/texts.json",
                     std::string(file).replace(at, 2, text));  // as people write them
    EXPECT_EQ(seed().sequences_set, 7U);
    EXPECT_EQ(places(), "12,22,32,42,52,1,62") << text;
  }
  database_.run(
      "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := NEW.id + 100; "
      "RETURN NEW; END'; CREATE TRIGGER more BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION "
      "more()");
  RememberingSeed firing(database_, directory_.path());
  firing.request.fire_triggers = true;
  load::seed(firing.request);
  EXPECT_EQ(database_.value("SELECT nextval('plain_id_seq')"), "112");
}

TEST_F(SeedTest, KeepsTriggersAtRestAndRefreshesViews) {
  database_.run(R"(CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);
    CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t;
    CREATE MATERIALIZED VIEW n AS SELECT n * 10 AS n FROM m;
    CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
    INSERT INTO t VALUES (2);)");
  extract();
  database_.run("CREATE TRIGGER loud BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION loud()");
  const SeedReport report = seed();
  EXPECT_EQ(report.views_refreshed, 2U);
  EXPECT_EQ(database_.value("SELECT n FROM n"), "20");
  EXPECT_THROW(database_.run("INSERT INTO t VALUES (3)"), Error);
}

// Large tables go in binary form up to the first row that only the server can read.
TEST_F(SeedTest, LoadsLargeTablesWhateverFormTheirRowsHave) {
  database_.run(R"(
    CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN small AS int CHECK (VALUE < 100000);
    CREATE TABLE t (id int PRIMARY KEY, at timestamptz, d date, n numeric(8,2), m mood, s small,
      b bytea, j jsonb, f float8, u uuid, c char(3));
    INSERT INTO t SELECT i, timestamptz '2026-01-01' + i * interval '1 s', date '2026-01-01' + i,
      i / 7.0, CASE WHEN i % 2 = 0 THEN 'good' ELSE 'bad' END::mood, i, decode(md5(i::text), 'hex'),
      '{"a": [1, "x"]}', sqrt(i), md5(i::text)::uuid, 'é' FROM generate_series(1, 3000) i;
    INSERT INTO t (id) VALUES (3001);
    CREATE TABLE spans (id int PRIMARY KEY, i interval);
    INSERT INTO spans SELECT i, i * interval '1 s' FROM generate_series(1, 5000) i)");
  const std::string tables = "SELECT t::text FROM t UNION ALL SELECT s::text FROM spans s";
  const std::string before = dump(tables);
  extract();
  ASSERT_GT(std::filesystem::file_size(directory_.path() / "f/public/t.json"), 128U << 10U);
  ASSERT_GT(std::filesystem::file_size(directory_.path() / "f/public/spans.json"), 128U << 10U);
  database_.run("TRUNCATE t, spans");
  EXPECT_EQ(seed().tables.at(1).rows, 3001U);
  EXPECT_EQ(dump(tables), before);

  const std::string file = read_file(directory_.path() / "f/public/t.json");
  const auto edited = [&](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
    directory_.write("f/public/t.json", text);
    return text;
  };
  const auto line_of_row = [&](int row) {
    const std::size_t first = file.find("\"rows\"");
    return static_cast<int>(
               std::count(file.begin(), file.begin() + static_cast<long>(first), '\n')) +
           1 + row;
  };
  // A trigger may leave rows out.
  database_.run(
      "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.id % "
      "2 "
      "= 1 THEN NEW END; END'; CREATE TRIGGER odd BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION "
      "odd()");
  RememberingSeed firing(database_, directory_.path());
  firing.request.fire_triggers = true;
  EXPECT_EQ(load::seed(firing.request).tables.at(1).rows, 1501U);
  database_.run("DROP TRIGGER odd ON t");
  // As people write them.
  std::string text = edited(file, "\"2026-01-03\"", "\"Jan 3, 2026\"");
  text = edited(text, "\"2026-01-06\"", "\"20260106\"");
  EXPECT_EQ(seed().tables.at(1).rows, 3001U);
  EXPECT_EQ(dump(tables), before);
  // What is refused is named: behind such a row, in front of it, and where there is none.
  for (const std::string& base : {text, file}) {
    edited(base, "\"id\": 2999,", "\"id\": 2998,");
    const Error twice = test::error_of([&] { seed(); });
    EXPECT_EQ(twice.sqlstate(), "23505");
    EXPECT_EQ(twice.location().line, line_of_row(2999)) << twice.location().file;
    edited(base, "\"s\": 1,", "\"s\": 100001,");
    const Error wide = test::error_of([&] { seed(); });
    EXPECT_EQ(wide.sqlstate(), "23514");
    EXPECT_EQ(wide.location().line, line_of_row(1));
    edited(base, "\"s\": 2000,", "\"s\": 99999999999,");
    const Error beyond = test::error_of([&] { seed(); });
    EXPECT_EQ(beyond.sqlstate(), "22003");
    EXPECT_EQ(beyond.location().line, line_of_row(2000));
  }
  EXPECT_EQ(dump(tables), before);
}

TEST_F(SeedTest, NeverRemovesRowsOfATableThatIsNotInTheFixtures) {
  database_.run("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1)");
  extract();
  database_.run("CREATE TABLE later (p int REFERENCES p); INSERT INTO later VALUES (1)");
  const Error error = test::error_of([&] { seed(); });
  EXPECT_EQ(error.code(), ErrorCode::check);
  EXPECT_NE(error.message().find("public.later"), std::string::npos);
  EXPECT_EQ(database_.value("SELECT count(*) FROM later"), "1");
}

TEST_F(SeedTest, ASeederKnowsWhatItHasDone) {
  database_.run(
      "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id serial PRIMARY KEY, "
      "a_id int REFERENCES a); INSERT INTO a VALUES (1, 'one'), (2, 'two'); INSERT INTO b (a_id) "
      "VALUES (1), (2); CREATE MATERIALIZED VIEW m AS SELECT * FROM a");
  extract();
  const RememberingSeed remembering(database_, directory_.path());
  const SeedRequest& request = remembering.request;
  const auto edit = [&](const std::string& value) {
    directory_.write("f/public/a.json",
                     "{\"table\": \"public.a\", \"key\": [\"id\"], \"rows\": "
                     "[\n{\"id\": 1, \"v\": \"" +
                         value + "\"},\n{\"id\": 2, \"v\": \"two\"}\n]}\n");
  };
  Seeder seeder(request);
  EXPECT_EQ(seeder.run().tables.size(), 2U);
  EXPECT_EQ(seeder.run().tables.size(), 0U);
  for (const bool settles : {false, true, false, true, true}) {
    static int number = 0;
    edit("edit " + std::to_string(++number));
    EXPECT_EQ(seeder.run().tables.size(), 1U) << number;
    if (settles) seeder.settle();
    EXPECT_EQ(seeder.run().tables.size(), 0U) << number;
    EXPECT_EQ(database_.value("SELECT v FROM m WHERE id = 1"), "edit " + std::to_string(number));
  }
  // A view that comes later is refreshed as well; what is defined anew is seen.
  seeder.settle();
  database_.run("CREATE MATERIALIZED VIEW n AS SELECT * FROM a");
  edit("last");
  EXPECT_EQ(seeder.run().views_refreshed, 2U);
  EXPECT_EQ(database_.value("SELECT v FROM n WHERE id = 1"), "last");
  seeder.settle();
  database_.run(
      "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := upper(NEW.v); "
      "RETURN NEW; END'; CREATE TRIGGER loud BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION "
      "loud(); ALTER TABLE a ENABLE ALWAYS TRIGGER loud");
  edit("quiet");
  EXPECT_EQ(seeder.run().tables.size(), 1U);
  EXPECT_EQ(database_.value("SELECT v FROM a WHERE id = 1"), "quiet");
  // Plans that it keeps are of the types as they are now.
  for (const char* type : {"bigint", "int", "smallint"}) {
    database_.run(std::string("ALTER TABLE b ALTER a_id TYPE ") + type);
    for (int i = 0; i < 4; ++i) {
      edit(type + std::to_string(i));
      EXPECT_EQ(seeder.run().tables.size(), i == 0 ? 2U : 1U) << type << i;
    }
    seeder.settle();
  }
  // Those who look on see the role that every session has.
  database_.run(
      "CREATE MATERIALIZED VIEW r AS SELECT current_setting('session_replication_role') AS role; "
      "CREATE TABLE seen (what text); CREATE FUNCTION note() RETURNS event_trigger LANGUAGE "
      "plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (tg_tag); END'; CREATE EVENT TRIGGER n ON "
      "ddl_command_end WHEN TAG IN ('ALTER SEQUENCE') EXECUTE FUNCTION note()");
  edit("seen");
  seeder.run();
  database_.run("SELECT setval('b_id_seq', 77)");
  seeder.run();
  EXPECT_EQ(database_.value("SELECT role FROM r"), "origin");
  EXPECT_EQ(database_.value("SELECT what FROM seen"), "ALTER SEQUENCE");
  EXPECT_EQ(database_.value("SELECT last_value FROM b_id_seq"), "2");
  database_.run("DROP EVENT TRIGGER n; DROP TABLE seen");
  seeder.run();
  // What others write is put back, and only that.
  seeder.settle();
  database_.run("DELETE FROM b WHERE id = 2");
  EXPECT_EQ(seeder.run().tables.size(), 1U);
  EXPECT_EQ(seeder.run(true).tables.size(), 2U);
  // Another process knows it too.
  seeder.settle();
  EXPECT_EQ(load::seed(request).tables.size(), 0U);
}

// A plan that is made ahead, by the schema of the last time, is never what is loaded by in error:
// every seed ends as one does that remembers nothing.
TEST_F(SeedTest, APlanThatWasMadeAheadIsOfTheSchemaAsItIs) {
  const char* start =
      "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, a_id int "
      "REFERENCES a); INSERT INTO a VALUES (1, 'one'), (2, 'two'); INSERT INTO b VALUES (1, 2); "
      "CREATE TABLE c (id int); INSERT INTO c VALUES (1)";
  database_.run(start);
  extract();
  const RememberingSeed remembering(database_, directory_.path());
  const TestDatabase other_database;
  const RememberingSeed other(other_database, directory_.path());
  other_database.run(std::string(start) + "; ALTER TABLE b ALTER a_id TYPE bigint");
  const std::string rows = read_file(directory_.path() / "f/public/a.json");
  const auto outcome = [this](const SeedRequest& request) {
    try {
      load::seed(request);
      return dump("SELECT 'a', a::text FROM a UNION ALL SELECT 'b', b::text FROM b");
    } catch (const Error& error) {
      return format_error("seed", error);
    }
  };
  load::seed(remembering.request);
  struct Step {
    std::string change;  // of the schema
    std::string from;    // in the rows of a
    std::string to;
  };
  const std::string kAnother = "/* another database's is remembered last */";
  std::size_t failed = 0;
  for (const bool force : {true, false}) {
    for (const Step& step : std::vector<Step>{
             {"", "one", "edited"},
             {kAnother, "one", "edited again"},
             {"", "\"v\"", "\"w\""},
             {"ALTER TABLE b ADD extra int; ALTER TABLE c ADD extra int", "one", "not these"},
             {"", "one", "nor now"},
             {"ALTER TABLE b DROP extra; ALTER TABLE c DROP extra", "one", "nor then"},
             {"ALTER TABLE a RENAME v TO w", "one", "again"},
             {"", "\"v\"", "\"w\""},
             {"ALTER TABLE a RENAME w TO v", "one", "once more"},
             {"ALTER TABLE a ADD extra int DEFAULT 3", "one", "with less"},
             {"ALTER TABLE a DROP extra", "one", "as before"},
             {"ALTER TABLE a ALTER v TYPE int USING 7", "one", "no number"},
             {"", "one", "12"},
             {"ALTER TABLE a ALTER v TYPE text", "one", "text"},
             {"DROP TABLE b", "one", "b is gone"},
             {"CREATE TABLE b (id int PRIMARY KEY, a_id int REFERENCES a)", "one", "b is back"},
             {"ALTER TABLE b DROP CONSTRAINT b_a_id_fkey; ALTER TABLE b ADD FOREIGN KEY (a_id) "
              "REFERENCES b NOT VALID",
              "one", "no such key"},
             {"ALTER TABLE b DROP CONSTRAINT b_a_id_fkey; ALTER TABLE b ADD FOREIGN KEY (a_id) "
              "REFERENCES a",
              "one", "the end"}}) {
      SCOPED_TRACE(fmt::format("{}, {} for {}, force {}", step.change, step.to, step.from, force));
      if (step.change == kAnother) load::seed(other.request);
      database_.run(step.change);
      std::string text = rows;
      for (std::size_t at = 0; (at = text.find(step.from, at)) != std::string::npos;) {
        text.replace(at, step.from.size(), step.to);
        at += step.to.size();
      }
      directory_.write("f/public/a.json", text);
      SeedRequest request = remembering.request;
      request.force = force;
      const std::string found = outcome(request);
      SeedRequest plain = remembering.request;
      plain.memory_directory.clear();
      EXPECT_EQ(found, outcome(plain));
      failed += found.find("error") != std::string::npos ? 1U : 0U;
      directory_.write("f/public/a.json", rows);
    }
  }
  EXPECT_GT(failed, 8U);
}

// A sequence that has values drawn ahead moves without a trace in the log.
TEST_F(SeedTest, ASequenceThatCameBackToItsPlaceIsSetAgain) {
  database_.run("CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)");
  extract();
  const RememberingSeed remembering(database_, directory_.path());
  Seeder seeder(remembering.request);
  seeder.run();
  for (const bool settles : {true, false}) {
    database_.run("SELECT setval('t_id_seq', 2), nextval('t_id_seq')");
    seeder.run();
    EXPECT_EQ(database_.value("SELECT (last_value, log_cnt) FROM t_id_seq"), "(3,0)");
    if (settles) seeder.settle();
    database_.run("SELECT nextval('t_id_seq')");
    EXPECT_EQ(seeder.run().sequences_set, 1U);
    EXPECT_EQ(database_.value("SELECT nextval('t_id_seq')"), "4");
    seeder.run();
  }
}

// Whatever others write, and whenever it ends: the next seed puts it back.
TEST_F(SeedTest, ASeederMissesNothing) {
  std::mt19937 random(test::test_seed());
  const auto draw = [&random](unsigned below) { return static_cast<int>(random() % below); };
  std::string contents;
  std::vector<std::string> tables;
  for (int i = 0; i < 9; ++i) {
    const std::string name = fmt::format("t{}", i);
    database_.run(
        fmt::format("CREATE {}TABLE {} (id int GENERATED BY DEFAULT AS IDENTITY, v text){}",
                    i == 8 ? "UNLOGGED " : "", name, i == 7 ? " PARTITION BY LIST (id)" : ""));
    if (i == 7) {
      database_.run(
          "CREATE TABLE part_1 PARTITION OF t7 FOR VALUES IN (1, 2); CREATE TABLE part_2 "
          "PARTITION OF t7 DEFAULT");
    } else {
      database_.run(fmt::format("ALTER TABLE {} ADD PRIMARY KEY (id)", name));
    }
    database_.run(fmt::format("INSERT INTO {} (v) SELECT i FROM generate_series(1, 9) i", name));
    contents += fmt::format(
        "{0} '{1}', t::text FROM {1} t UNION ALL SELECT 'sequence', (last_value, is_called)::text "
        "FROM {1}_id_seq",
        i == 0 ? "SELECT" : " UNION ALL SELECT", name);
    tables.push_back(name);
  }
  extract();
  const RememberingSeed remembering(database_, directory_.path());
  const SeedRequest& request = remembering.request;
  Seeder seeder(request);
  seeder.run();
  const std::string wanted = dump(contents);
  const auto write = [&] {
    const std::string table = "public." + tables[static_cast<std::size_t>(draw(9))];
    switch (draw(10)) {
      case 0:
        return fmt::format("INSERT INTO {} VALUES ({})", table, 100 + draw(9999));
      case 1:
        return fmt::format("UPDATE {} SET v = 'x' WHERE id = {}", table, draw(10));
      case 2:
        return fmt::format("DELETE FROM {} WHERE id = {}", table, draw(10));
      case 3:
        return fmt::format("SELECT nextval('{}_id_seq')", table);
      case 4:
        return "TRUNCATE " + table;
      case 5:
        return std::string("CREATE TEMP TABLE IF NOT EXISTS z (i int); INSERT INTO z VALUES (1)");
      case 6:
        return "VACUUM FULL " + table;
      case 7:
        return std::string("ANALYZE");
      case 8:  // as it was, but with values drawn ahead
        return fmt::format("SELECT setval('{0}_id_seq', 8), nextval('{0}_id_seq')", table);
      default:
        return "SELECT count(*) FROM " + table;
    }
  };
  std::size_t loaded = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    auto other = database_.connect();
    std::string done;
    const auto writes = [&](int times) {
      for (int i = 0; i < times; ++i) {
        const std::string sql = write();
        done += sql + "\n";
        try {
          other.execute(sql);
        } catch (const Error&) {  // a key that is there, VACUUM in a transaction
          if (other.in_transaction()) other.execute("ROLLBACK");
        }
      }
    };
    const bool lasts = draw(2) == 0;
    if (lasts) other.execute("BEGIN");
    writes(draw(3));
    // It looks at what it can while the other goes on.
    const bool locked = other.in_transaction() && done.find("TRUNCATE") != std::string::npos;
    if (!locked && draw(3) > 0) seeder.settle();
    if (draw(2) == 0) writes(draw(3));
    if (other.in_transaction()) other.execute(draw(3) == 0 ? "ROLLBACK" : "COMMIT");
    loaded += seeder.run().tables.size();
    ASSERT_EQ(dump(contents), wanted) << "round " << round << ", open: " << lasts << "\n" << done;
    if (draw(2) == 0) continue;
    seeder.settle();
    if (draw(5) == 0) {
      EXPECT_EQ(load::seed(request).tables.size(), 0U);
    }
  }
  EXPECT_GT(loaded, 8U);
  EXPECT_LT(loaded, kRounds * 9U / 2);
}

// A process of its own each time, with others at work meanwhile: what they left is found by the
// next seed.
TEST_F(SeedTest, ASeedMissesNothingThatOthersWriteMeanwhile) {
  std::mt19937 random(test::test_seed());
  constexpr int kTables = 40;  // as many as make the log worth reading
  std::string contents;
  for (int i = 0; i < kTables; ++i) {
    database_.run(fmt::format(
        "CREATE TABLE t{0} (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v text); "
        "INSERT INTO t{0} (v) SELECT i FROM generate_series(1, 99) i",
        i));
    contents += fmt::format(
        "{1} 't{0}', t::text FROM t{0} t UNION ALL SELECT 'sequence', (last_value, "
        "is_called)::text FROM t{0}_id_seq",
        i, i == 0 ? "SELECT" : " UNION ALL SELECT");
  }
  extract();
  const RememberingSeed remembering(database_, directory_.path());
  load::seed(remembering.request);
  const std::string wanted = dump(contents);
  std::size_t looked_at_nothing = 0;
  for (int round = 0; round < 40; ++round) {
    SeedRequest request = remembering.request;
    request.force = random() % 2 == 0;
    const auto writes = [this, round](const std::stop_token& stop, unsigned first) {
      std::mt19937 own(first);
      auto session = database_.connect();
      for (int i = 0; !stop.stop_requested() && i < 9; ++i) {
        std::this_thread::sleep_for(std::chrono::microseconds(own() % 4'000));
        const std::string table = fmt::format("public.t{}", own() % kTables);
        try {
          if (own() % 2 == 0) session.execute("BEGIN");
          session.execute(
              own() % 3 == 0
                  ? fmt::format("UPDATE {} SET v = 'x' WHERE id = {}", table, own() % 99)
                  : fmt::format("INSERT INTO {} VALUES ({}, 'y')", table, 1000 + 10 * round + i));
          std::this_thread::sleep_for(std::chrono::microseconds(own() % 4'000));
          if (session.in_transaction()) session.execute(own() % 4 > 0 ? "COMMIT" : "ROLLBACK");
        } catch (const Error&) {  // a deadlock with the seed
          if (session.in_transaction()) session.execute("ROLLBACK");
        }
      }
    };
    {
      std::vector<std::jthread> others;
      for (int i = 0; i < static_cast<int>(random() % 3); ++i)
        others.emplace_back(writes, random());
      try {
        load::seed(request);
      } catch (const Error& error) {  // it meets rows of theirs, or is the deadlock's victim
        if (error.code() != ErrorCode::statement) throw;
      }
    }
    const std::size_t loaded = load::seed(remembering.request).tables.size();
    looked_at_nothing += loaded == 0 ? 1 : 0;
    ASSERT_EQ(dump(contents), wanted) << "round " << round;
  }
  EXPECT_GT(looked_at_nothing, 5U);
}

}  // namespace
}  // namespace pgcycle::load
