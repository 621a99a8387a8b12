#include "pgcycle/server/change_tracker.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <stop_token>
#include <thread>

#include "pgcycle/support/error.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;
using Mark = ChangeTracker::Mark;
using Names = std::set<std::string>;

constexpr std::uint64_t kMuch = std::uint64_t{1} << 30U;

class ChangeTrackerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (session_.server_version() < 150000) GTEST_SKIP() << "pg_walinspect is of PostgreSQL 15";
    database_.run(R"(
      CREATE TABLE a (id int PRIMARY KEY, v text);
      CREATE TABLE b (id int PRIMARY KEY, v text);
      CREATE TABLE wide (id int PRIMARY KEY, v text);
      CREATE TABLE part (id int, v text) PARTITION BY LIST (id);
      CREATE TABLE part_low PARTITION OF part FOR VALUES IN (1, 2, 3) PARTITION BY LIST (id);
      CREATE TABLE part_one PARTITION OF part_low FOR VALUES IN (1);
      CREATE TABLE part_two PARTITION OF part_low DEFAULT;
      CREATE TABLE part_rest PARTITION OF part DEFAULT;
      CREATE SEQUENCE s; CREATE SEQUENCE t;
      INSERT INTO a SELECT i, i FROM generate_series(1, 9) i;
      INSERT INTO b SELECT * FROM a; INSERT INTO part SELECT * FROM a;
      ALTER TABLE wide ALTER v SET STORAGE EXTERNAL;
      INSERT INTO wide SELECT id, repeat('x', 5000) FROM a;
      SELECT setval('s', 5), setval('t', 5))");
    for (const char* name : {"a", "b", "wide", "part", "s", "t"}) watch(name);
    relations_.partitioned.push_back(oids_.at("part"));
  }

  void watch(const std::string& name) {
    const auto oid = static_cast<std::uint32_t>(
        std::stoul(database_.value("SELECT '" + name + "'::regclass::oid")));
    oids_[name] = oid;
    relations_.all.push_back(oid);
  }
  ChangeTracker tracker(WalReader::Extension extension = WalReader::Extension::install) const {
    return {[] { return postgres::Connection::open(test::server_info()); }, extension};
  }
  // A mark that serves.
  Mark settled() {
    Mark mark = ChangeTracker::mark(session_);
    for (int i = 0; i < 100 && !mark.is_settled; ++i) mark = ChangeTracker::mark(session_);
    EXPECT_TRUE(mark.is_settled);
    return mark;
  }
  std::optional<Names> names_since(ChangeTracker& tracker, const Mark& mark, Mark& now,
                                   std::uint64_t most_bytes = kMuch) {
    const auto changes = tracker.since(mark, now, most_bytes, session_, relations_);
    if (!changes) return std::nullopt;
    Names out;
    for (const auto& [name, oid] : oids_) {
      if (changes->relations.contains(oid)) out.insert(name);
    }
    if (changes->definitions) out.insert("definitions");
    return out;
  }
  // What the log tells of these statements.
  std::optional<Names> told_of(const std::string& sql) {
    const Mark mark = settled();
    database_.run(sql);
    Mark now = ChangeTracker::mark(session_);
    return names_since(tracker_, mark, now);
  }

  TestDatabase database_;
  postgres::Connection session_ = database_.connect();
  ChangeTracker tracker_ = tracker();
  ChangeTracker::Relations relations_;
  std::map<std::string, std::uint32_t> oids_;
};

TEST_F(ChangeTrackerTest, TellsWhatWasWrittenTo) {
  const auto only = [](const Names& names) { return std::optional(names); };
  EXPECT_EQ(told_of("SELECT 1"), only({}));
  EXPECT_EQ(told_of("UPDATE a SET v = 'x' WHERE id = 3"), only({"a"}));
  EXPECT_EQ(told_of("DELETE FROM b WHERE id = 2; INSERT INTO wide VALUES (99)"),
            only({"b", "wide"}));
  EXPECT_EQ(told_of("UPDATE wide SET v = repeat('y', 9000) WHERE id = 2"), only({"wide"}));
  EXPECT_EQ(told_of("INSERT INTO part VALUES (1, 'x')"), only({"part"}));
  EXPECT_EQ(told_of("UPDATE part SET id = 77 WHERE id = 3"), only({"part"}));
  EXPECT_EQ(told_of("COPY a FROM PROGRAM 'printf \"50\\tx\\n51\\ty\\n\"'"), only({"a"}));
  EXPECT_EQ(told_of("SELECT nextval('s')"), only({"s"}));
  EXPECT_EQ(told_of("SELECT setval('t', 5)"), only({"t"}));
  // Locks, statistics and vacuum are no writing.
  EXPECT_EQ(told_of("SELECT * FROM a FOR UPDATE"), only({}));
  EXPECT_EQ(told_of("ANALYZE"), only({}));
  EXPECT_EQ(told_of("VACUUM FREEZE a"), only({}));
  // Another file: with the definitions' own changes.
  EXPECT_EQ(told_of("TRUNCATE b"), only({"b", "definitions"}));
  EXPECT_EQ(told_of("VACUUM FULL a"), only({"a", "definitions"}));
  EXPECT_EQ(told_of("TRUNCATE part_two"), only({"part", "definitions"}));
  EXPECT_EQ(told_of("ALTER SEQUENCE s RESTART"), only({"s", "definitions"}));
  EXPECT_EQ(told_of("ALTER TABLE b RENAME TO c"), only({"b", "definitions"}));
  EXPECT_EQ(told_of("ALTER TABLE wide ADD e int"), only({"wide", "definitions"}));
  EXPECT_EQ(told_of("CREATE TEMP TABLE z (i int); INSERT INTO z VALUES (1)"),
            only({"definitions"}));
  EXPECT_EQ(told_of("CREATE TABLE new (i int); INSERT INTO new VALUES (1); DROP TABLE new"),
            only({"definitions"}));
  EXPECT_EQ(told_of("DROP TABLE c; DROP SEQUENCE t"), only({"b", "t", "definitions"}));
}

// Behind a commit of one's own: whoever writes meanwhile is noticed, whether he began before or
// not, and has ended or not.
TEST_F(ChangeTrackerTest, AMarkBehindACommitServesWhereNobodyElseWrote) {
  auto own = database_.connect();
  auto other = database_.connect();
  int id = 1000;
  const auto insert = [&id](const char* table) {
    return fmt::format("INSERT INTO public.{} VALUES ({}, 'x')", table, ++id);
  };
  const auto mark_with = [&](const std::function<void()>& within) {
    const std::string writers = own.query("SELECT " + ChangeTracker::writers_sql()).get(0, 0);
    own.execute("BEGIN; " + insert("a"));
    const std::string transaction = own.query("SELECT pg_current_xact_id()::xid").get(0, 0);
    within();
    std::vector<postgres::Statement> statements = ChangeTracker::questions_behind();
    statements.insert(statements.begin(), {"COMMIT", {}});
    auto answers = own.query_all(statements);
    answers.erase(answers.begin());
    return ChangeTracker::mark_behind(writers, transaction, answers);
  };
  Mark mark;
  for (int i = 0; i < 100 && !mark.is_settled; ++i) mark = mark_with([] {});  // autovacuum writes
  ASSERT_TRUE(mark.is_settled);
  Mark now = ChangeTracker::mark(session_);
  EXPECT_EQ(names_since(tracker_, mark, now), Names({}));
  database_.run(insert("b"));
  now = ChangeTracker::mark(session_);
  EXPECT_EQ(names_since(tracker_, mark, now), Names({"b"}));

  for (const char* ending : {"COMMIT", "ROLLBACK", ""}) {
    for (const bool another_has_ended : {false, true}) {
      const auto write = [&] {
        other.execute("BEGIN; " + insert("b"));
        if (another_has_ended) database_.run(insert("wide"));
      };
      const auto end = [&] {
        if (*ending != '\0') other.execute(ending);
      };
      write();
      EXPECT_FALSE(mark_with(end).is_settled) << ending << another_has_ended;
      if (other.in_transaction()) other.execute("COMMIT");
      EXPECT_FALSE(mark_with([&] {
                     write();
                     end();
                   }).is_settled)
          << ending << another_has_ended;
      if (other.in_transaction()) other.execute("COMMIT");
    }
  }
  EXPECT_FALSE(ChangeTracker::mark_behind("", "3", {}).is_settled);
}

TEST_F(ChangeTrackerTest, CountsAsWrittenWhatTheLogDoesNotTell) {
  database_.run("CREATE UNLOGGED TABLE u (i int); INSERT INTO u VALUES (1)");
  watch("u");
  EXPECT_EQ(told_of("SELECT 1"), std::optional(Names{"u"}));
  database_.run("ALTER TABLE u SET LOGGED");
  EXPECT_EQ(told_of("SELECT 1"), std::optional(Names{}));
}

TEST_F(ChangeTrackerTest, SaysNothingWhereTheLogCannotTell) {
  const Mark mark = settled();
  database_.run("UPDATE a SET v = 'x'");
  Mark now = ChangeTracker::mark(session_);
  EXPECT_EQ(names_since(tracker_, mark, now), std::optional(Names{"a"}));
  EXPECT_EQ(names_since(tracker_, mark, now, 10), std::nullopt);
  Mark other = mark;
  other.server_start += "1";
  EXPECT_EQ(names_since(tracker_, other, now), std::nullopt);
  other = mark;
  other.database += "1";
  EXPECT_EQ(names_since(tracker_, other, now), std::nullopt);
  other = mark;
  other.is_settled = false;
  EXPECT_EQ(names_since(tracker_, other, now), std::nullopt);
  other = mark;
  other.on_disk = "0/10";  // long gone
  EXPECT_EQ(names_since(tracker_, other, now), std::nullopt);
  other.on_disk = "FFFFFF/10";
  EXPECT_EQ(names_since(tracker_, other, now), std::nullopt);
  // Its session was ended: the next question opens another.
  database_.run(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'postgres' AND "
      "query LIKE '%pg_get_wal_records_info%' AND pid <> pg_backend_pid()");
  EXPECT_EQ(names_since(tracker_, mark, now), std::nullopt);
  EXPECT_EQ(names_since(tracker_, mark, now), std::optional(Names{"a"}));
  ChangeTracker blind([]() -> postgres::Connection { throw Error(ErrorCode::connect, "no"); },
                      WalReader::Extension::install);
  EXPECT_EQ(names_since(blind, mark, now), std::nullopt);
  auto maintenance = postgres::Connection::open(test::server_info());
  maintenance.execute("DROP EXTENSION IF EXISTS pg_walinspect");
  ChangeTracker modest = tracker(WalReader::Extension::as_it_is);
  EXPECT_EQ(names_since(modest, mark, now), std::nullopt);
  EXPECT_TRUE(
      maintenance.query("SELECT FROM pg_extension WHERE extname = 'pg_walinspect'").empty());
  ChangeTracker bold = tracker();
  EXPECT_EQ(names_since(bold, mark, now), std::optional(Names{"a"}));
}

// Others' records, which nobody waits for, come after the moment that is asked about.
TEST_F(ChangeTrackerTest, TellsWhileOthersWriteOnTheServer) {
  std::jthread other([](const std::stop_token& stop) {
    auto elsewhere = postgres::Connection::open(test::server_info());
    elsewhere.execute("SET synchronous_commit = off; CREATE TEMP SEQUENCE q");
    while (!stop.stop_requested()) {
      elsewhere.execute(
          "SELECT pg_logical_emit_message(true, 'x', repeat('x', 100)), nextval('q')");
    }
  });
  session_.execute("SET synchronous_commit = off");
  for (int i = 0; i < 100; ++i) {
    const Mark mark = settled();
    session_.execute(fmt::format("UPDATE public.a SET v = '{}'", i));
    Mark now = ChangeTracker::mark(session_);
    ASSERT_EQ(names_since(tracker_, mark, now), std::optional(Names{"a"})) << i;
    Mark later = ChangeTracker::mark(session_);
    ASSERT_EQ(names_since(tracker_, now, later), std::optional(Names{})) << i;
  }
}

// Else nobody could tell from it that nothing was written since.
TEST_F(ChangeTrackerTest, ComesBehindItsOwnFlush) {
  session_.execute("SET synchronous_commit = off");
  bool stands = false;
  for (int i = 0; i < 10 && !stands; ++i) {  // the server writes to the log now and then
    const Mark mark = settled();
    session_.execute("UPDATE public.a SET v = 'x'");
    Mark now = ChangeTracker::mark(session_);
    ASSERT_TRUE(names_since(tracker_, mark, now));
    stands = ChangeTracker::mark(session_).position == now.position;
  }
  EXPECT_TRUE(stands);
}

// What is on disk can end within a record, which may be the last one.
TEST_F(ChangeTrackerTest, TellsFromWithinARecord) {
  Mark mark = settled();
  database_.run("INSERT INTO a VALUES (100, repeat('x', 1000))");
  Mark now = ChangeTracker::mark(session_);
  ASSERT_EQ(now.on_disk, now.position);
  mark.on_disk = session_.query("SELECT $1::pg_lsn - 16", {now.position}).get(0, 0);
  EXPECT_EQ(names_since(tracker_, mark, now), std::optional(Names{}));
}

TEST_F(ChangeTrackerTest, LeavesOutItsOwnTransaction) {
  Mark mark = settled();
  session_.execute("BEGIN; UPDATE public.a SET v = 'own'");
  mark.own_transaction = session_.query("SELECT pg_current_xact_id()::xid").get(0, 0);
  session_.execute("COMMIT");
  database_.run("DELETE FROM b");
  Mark now = ChangeTracker::mark(session_);
  EXPECT_EQ(names_since(tracker_, mark, now), std::optional(Names{"b"}));
}

TEST_F(ChangeTrackerTest, IsNotSettledWhileSomebodyWrites) {
  auto other = database_.connect();
  EXPECT_TRUE(settled().is_settled);
  other.execute("BEGIN; SELECT 1 FROM public.a");
  EXPECT_TRUE(settled().is_settled);
  other.execute("UPDATE public.a SET v = 'x'");
  EXPECT_FALSE(ChangeTracker::mark(session_).is_settled);
  other.execute("ROLLBACK");
  EXPECT_TRUE(settled().is_settled);
  auto elsewhere = postgres::Connection::open(test::server_info());
  elsewhere.execute("BEGIN; CREATE TABLE public.pgcycle_elsewhere (i int)");
  EXPECT_TRUE(settled().is_settled);
  elsewhere.execute("ROLLBACK");
  // Who may not see the others cannot say.
  auto maintenance = postgres::Connection::open(test::server_info());
  maintenance.execute("CREATE ROLE pgcycle_plain LOGIN");
  {
    auto plain = postgres::Connection::open(database_.info().with("user", "pgcycle_plain"));
    EXPECT_FALSE(ChangeTracker::mark(plain).is_settled);
  }
  maintenance.execute("DROP ROLE pgcycle_plain");
}

// Two sessions do anything, and leave transactions open at times: whatever is not as it was at the
// mark is told.
TEST_F(ChangeTrackerTest, MissesNothing) {
  std::mt19937 random(test::test_seed());
  const auto draw = [&random](unsigned below) { return static_cast<int>(random() % below); };
  std::map<std::string, postgres::Connection> sessions;
  sessions.emplace("one", database_.connect());
  sessions.emplace("two", database_.connect());
  for (auto& [name, session] : sessions) {
    session.execute("SET search_path = public; SET lock_timeout = '20ms'");
  }
  const std::vector<std::string> tables{"a", "b", "wide", "part"};
  const auto write = [&] {
    const std::string& table = tables[static_cast<std::size_t>(draw(4))];
    const int id = draw(12);
    switch (draw(14)) {
      case 0:
      case 1:
        return fmt::format("INSERT INTO {} VALUES ({}, '{}')", table, 100 + draw(10'000), draw(9));
      case 2:
        return fmt::format("UPDATE {} SET v = v || '{}' WHERE id = {}", table, draw(9), id);
      case 3:
        return fmt::format("DELETE FROM {} WHERE id % 12 = {}", table, id);
      case 4:
        return fmt::format("UPDATE {} SET v = md5(v) WHERE id % 5 = {}", table, draw(5));
      case 5:
        return fmt::format("SELECT nextval('{}')", draw(2) == 0 ? "s" : "t");
      case 6:
        return "TRUNCATE " + table;
      case 7:
        return fmt::format("VACUUM {} {}", draw(2) == 0 ? "FULL" : "FREEZE", table);
      case 8:
        return std::string("ANALYZE");
      case 9:
        return fmt::format("CREATE INDEX ON {} (v)", table == "wide" ? "a" : table);
      case 10:
        return fmt::format("SELECT setval('s', {})", draw(50) + 1);
      case 11:
        return fmt::format("SAVEPOINT p; INSERT INTO {} VALUES ({}); ROLLBACK TO p", table,
                           20'000 + draw(10'000));
      case 12:
        return fmt::format("SAVEPOINT p; INSERT INTO {} VALUES ({}, 'p')", table,
                           20'000 + draw(10'000));
      default:
        return std::string("CREATE TEMP TABLE IF NOT EXISTS z (i int)");
    }
  };
  const auto state = [&] {
    std::map<std::string, std::string> out;
    for (const std::string& table : tables) {
      out[table] = session_
                       .query(fmt::format("SELECT count(*), md5(string_agg(t::text, ';' ORDER BY "
                                          "t::text)) FROM public.{} t",
                                          table))
                       .get(0, 1);
    }
    for (const char* sequence : {"s", "t"}) {
      out[sequence] =
          session_
              .query(fmt::format("SELECT (last_value, is_called)::text FROM public.{}", sequence))
              .get(0, 0);
    }
    return out;
  };
  Mark mark = settled();
  auto before = state();
  int told = 0;
  int changed = 0;
  for (int round = 0; round < 150; ++round) {
    std::string done;
    for (int i = draw(4); i >= 0; --i) {
      auto& [name, session] = *std::next(sessions.begin(), draw(2));
      std::string sql = write();
      if (!session.in_transaction() && draw(3) == 0) session.execute("BEGIN");
      if (session.in_failed_transaction() || (session.in_transaction() && draw(3) == 0)) {
        sql = draw(2) == 0 ? "COMMIT" : "ROLLBACK";
      }
      done += fmt::format("{}: {}\n", name, sql);
      try {
        session.execute(sql);
      } catch (const Error& error) {
        done += "  " + error.message() + "\n";
      }
    }
    // A TRUNCATE that is open lets nobody read.
    for (auto& [name, session] : sessions) {
      const bool is_locked =
          session_
              .query(
                  "SELECT FROM pg_locks WHERE pid = $1 AND mode = 'AccessExclusiveLock' AND "
                  "locktype = 'relation'",
                  {std::to_string(session.backend_pid())})
              .size() > 0;
      if (!is_locked) continue;
      session.execute(draw(2) == 0 ? "COMMIT" : "ROLLBACK");
      done += name + " ends\n";
    }
    Mark now = ChangeTracker::mark(session_);
    const auto names = names_since(tracker_, mark, now);
    auto after = state();
    ASSERT_TRUE(names) << done;
    for (const auto& [name, contents] : after) {
      if (contents == before.at(name)) continue;
      ++changed;
      EXPECT_TRUE(names->contains(name)) << "round " << round << ": " << name << "\n" << done;
    }
    told += static_cast<int>(names->size());
    if (!now.is_settled || draw(3) == 0) continue;
    // As after a seed, sequences are where they were set, without values drawn ahead.
    const auto stand = [&](const char* sequence) {
      return session_
                 .query(fmt::format("SELECT (last_value, is_called, log_cnt)::text FROM public.{}",
                                    sequence))
                 .get(0, 0) == "(5,t,0)";
    };
    bool moved = false;
    for (const char* sequence : {"s", "t"}) {
      if (stand(sequence)) continue;
      moved = true;
      session_.execute(fmt::format("SELECT setval('public.{}', 5)", sequence));
    }
    if (moved) {
      now = ChangeTracker::mark(session_);
      if (!now.is_settled) continue;
      after = state();
      if (!stand("s") || !stand("t")) continue;
    }
    mark = now;
    before = after;
  }
  EXPECT_GT(changed, 50);
  EXPECT_LT(told, 150 * 6);
}

}  // namespace
}  // namespace pgcycle::server
