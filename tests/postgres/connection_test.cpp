#include "pgcycle/postgres/connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

using test::TestDatabase;

TEST(Connection, GivesEveryFieldOfAnError) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (id int CONSTRAINT t_key PRIMARY KEY)");
  connection.execute("INSERT INTO public.t VALUES (1)");
  const Error error =
      test::error_of([&] { connection.execute("INSERT INTO public.t VALUES (1)"); });
  EXPECT_EQ(error.code(), ErrorCode::statement);
  EXPECT_EQ(error.sqlstate(), "23505");
  EXPECT_EQ(error.constraint(), "t_key");
  EXPECT_EQ(error.detail(), "Key (id)=(1) already exists.");
  EXPECT_EQ(connection.last_error().table, "t");
  EXPECT_EQ(connection.last_error().schema, "public");
}

TEST(Connection, WorksWhileTheServerAnswers) {
  const TestDatabase database;
  auto connection = database.connect();
  bool done = false;
  EXPECT_EQ(connection.query_while("SELECT 7", [&] { done = true; }).get(0, 0), "7");
  EXPECT_TRUE(done);
  EXPECT_THROW(connection.query_while("SELECT 7", [] { throw std::runtime_error("work"); }),
               std::runtime_error);
  const Error error = test::error_of([&] { connection.query_while("SELECT 1/0", [] {}); });
  EXPECT_EQ(error.sqlstate(), "22012");
  EXPECT_EQ(connection.query("SELECT 8").get(0, 0), "8");
}

TEST(Connection, CountsThePositionOfAnErrorInCharacters) {
  auto connection = Connection::open(test::server_info());
  const Error error = test::error_of([&] { connection.query("SELECT 'äöü', nonsense"); });
  EXPECT_EQ(connection.last_error().position, 15);
  EXPECT_EQ(error.sqlstate(), "42703");
  const Error hinted = test::error_of([&] { connection.query("SELECT pg_catalog.lowr('x')"); });
  EXPECT_FALSE(hinted.hint().empty());
}

TEST(Connection, TellsWhyThereIsNone) {
  const Error error =
      test::error_of([] { Connection::open(test::server_info().with_database("missing")); });
  EXPECT_EQ(error.code(), ErrorCode::connect);
  EXPECT_NE(error.detail().find("does not exist"), std::string::npos) << error.detail();
}

TEST(Connection, ReadsNullsArraysAndParameters) {
  auto connection = Connection::open(test::server_info());
  const Result result = connection.query("SELECT $1::text, $2::text, ARRAY['a', NULL, 'b c']",
                                         {std::nullopt, "it's \\ 'quoted'"});
  EXPECT_TRUE(result.is_null(0, 0));
  EXPECT_EQ(result.get(0, 1), "it's \\ 'quoted'");
  EXPECT_EQ(result.array(0, 2), (std::vector<std::string>{"a", "", "b c"}));
}

TEST(Connection, SetsItsOwnSettingsWhateverTheServerHas) {
  const TestDatabase database;
  database.run("ALTER DATABASE " + database.name() + " SET DateStyle = 'SQL, DMY'");
  database.run("ALTER DATABASE " + database.name() + " SET TimeZone = 'Asia/Tokyo'");
  database.run("ALTER DATABASE " + database.name() + " SET IntervalStyle = 'iso_8601'");
  database.run("ALTER DATABASE " + database.name() + " SET extra_float_digits = 0");
  database.run("ALTER DATABASE " + database.name() + " SET bytea_output = 'escape'");
  auto connection = database.connect();
  const Result result = connection.query(
      "SELECT timestamptz '2026-01-02 03:04:05+00', interval '1 day 2 hours', 0.1::float8 + 0.2, "
      "'\\x00ff'::bytea, current_setting('search_path')");
  EXPECT_EQ(result.get(0, 0), "2026-01-02 03:04:05+00");
  EXPECT_EQ(result.get(0, 1), "1 day 02:00:00");
  EXPECT_EQ(result.get(0, 2), "0.30000000000000004");
  EXPECT_EQ(result.get(0, 3), "\\x00ff");
  EXPECT_EQ(result.get(0, 4), "\"\"");
}

TEST(CopyOut, GivesBlocksOfAbout64KiBThatEndAtARowsEnd) {
  auto connection = Connection::open(test::server_info());
  std::size_t blocks = 0;
  std::size_t largest = 0;
  std::size_t bytes = 0;
  const std::uint64_t rows = connection.copy_out(
      "COPY (SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i) TO STDOUT",
      [&](std::string_view block) {
        ++blocks;
        bytes += block.size();
        largest = std::max(largest, block.size());
        EXPECT_EQ(block.back(), '\n');
      });
  EXPECT_EQ(rows, 20000U);
  EXPECT_GT(bytes, 2'000'000U);
  EXPECT_LT(largest, 66'000U);
  EXPECT_LT(blocks, 50U);
}

TEST(CopyIn, TakesWhatCopyOutGave) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (i int, s text)");
  int next = 0;
  const std::uint64_t rows =
      connection.copy_in("COPY public.t FROM STDIN", [&next](std::string& out) {
        if (next == 50000) return false;
        out += std::to_string(next++) + "\tvalue\n";
        return true;
      });
  EXPECT_EQ(rows, 50000U);
  EXPECT_EQ(connection.query("SELECT sum(i) FROM public.t").get(0, 0), "1249975000");
}

TEST(CopyIn, AnExceptionOfTheSourceEndsItAndTheSessionStaysUsable) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (i int)");
  const Error error = test::error_of([&] {
    connection.copy_in("COPY public.t FROM STDIN", [](std::string& out) -> bool {
      out = "1\n";
      throw Error(ErrorCode::input, "the file ends early");
    });
  });
  EXPECT_EQ(error.message(), "the file ends early");
  EXPECT_EQ(connection.query("SELECT count(*) FROM public.t").get(0, 0), "0");
}

TEST(CopyIn, TellsTheLineOfARefusedRow) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (i int)");
  bool sent = false;
  const Error error = test::error_of([&] {
    connection.copy_in("COPY public.t FROM STDIN", [&sent](std::string& out) {
      if (std::exchange(sent, true)) return false;
      out = "1\n2\nx\n";
      return true;
    });
  });
  EXPECT_EQ(error.sqlstate(), "22P02");
  EXPECT_NE(connection.last_error().context.find("line 3"), std::string::npos);
}

// Sends each row of a list, and throws where there is none.
std::function<bool(std::string&)> rows_of_list(std::vector<std::string> rows, bool fails = false) {
  return [rows = std::move(rows), fails, at = std::size_t{0}](std::string& out) mutable {
    if (at == rows.size() && fails) throw Error(ErrorCode::input, "no more");
    if (at == rows.size()) return false;
    out += rows[at++] + "\n";
    return true;
  };
}

TEST(CopyIn, SeveralGoInOneMessage) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (i int); CREATE TABLE public.u (i int)");
  std::vector<std::uint64_t> counts;
  const auto count = [&counts](std::uint64_t rows) { counts.push_back(rows); };
  const auto copy = [&count](const char* table, std::function<bool(std::string&)> source) {
    return Connection::CopyIn{fmt::format("COPY public.{} FROM STDIN", table), std::move(source),
                              count};
  };
  const auto held = [&connection] {
    return connection
        .query(
            "SELECT (SELECT string_agg(i::text, ',' ORDER BY i) FROM public.t) || '/' || "
            "(SELECT string_agg(i::text, ',' ORDER BY i) FROM public.u)")
        .get(0, 0);
  };
  std::vector<std::string> many;
  for (int i = 0; i < 50000; ++i) many.push_back("3");  // more than a block
  connection.copy_in_all({"INSERT INTO public.t VALUES (0)", "DELETE FROM public.u"},
                         {copy("t", rows_of_list({"1", "2"})), copy("u", rows_of_list({})),
                          copy("u", rows_of_list(many)), copy("t", rows_of_list({}))});
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{2, 0, 50000, 0}));
  connection.copy_in_all({"DELETE FROM public.u WHERE i = 3"}, {copy("u", rows_of_list({"4"}))});
  EXPECT_EQ(held(), "0,1,2/4");
  connection.copy_in_all({}, {});

  struct Case {
    std::string before;
    std::vector<Connection::CopyIn> copies;
    ErrorCode code;
    std::size_t statement;  // that the server refuses
  };
  const std::vector<std::string> long_rows(50000, "5");
  for (const Case& one : {
           Case{"SELECT 1 / 0", {copy("t", rows_of_list({"8"}))}, ErrorCode::statement, 0},
           Case{"SELECT 1", {copy("no", rows_of_list({"8"}))}, ErrorCode::statement, 1},
           Case{"SELECT 1",
                {copy("t", rows_of_list({"8"})), copy("u", rows_of_list({"x"}))},
                ErrorCode::statement,
                2},
           // The server's own error comes first, though the next source has failed by then.
           Case{"SELECT 1",
                {copy("t", rows_of_list({"x"})), copy("u", rows_of_list({}, true))},
                ErrorCode::statement,
                1},
           Case{"SELECT 1", {copy("t", rows_of_list({"8"}, true))}, ErrorCode::input, 0},
           Case{"SELECT 1", {copy("t", rows_of_list(long_rows, true))}, ErrorCode::input, 0},
           Case{"SELECT 1",
                {copy("t", rows_of_list({"8"})), copy("u", rows_of_list(long_rows, true))},
                ErrorCode::input,
                0},
       }) {
    const Error error = test::error_of([&] { connection.copy_in_all({one.before}, one.copies); });
    EXPECT_EQ(error.code(), one.code) << error.message();
    if (one.code == ErrorCode::statement) {
      EXPECT_EQ(connection.last_error().statement, one.statement) << error.message();
    }
    EXPECT_EQ(held(), "0,1,2/4");  // all or nothing, and the session goes on
  }
  const Error none = test::error_of([&] { connection.copy_in("SELECT 1", rows_of_list({"8"})); });
  EXPECT_NE(none.message().find("COPY"), std::string::npos) << none.message();
}

TEST(Transaction, IsRolledBackUnlessCommitted) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (i int)");
  {
    const Transaction transaction(connection);
    connection.execute("INSERT INTO public.t VALUES (1)");
    EXPECT_TRUE(connection.in_transaction());
  }
  EXPECT_FALSE(connection.in_transaction());
  {
    Transaction transaction(connection);
    connection.execute("INSERT INTO public.t VALUES (2)");
    transaction.commit();
  }
  EXPECT_EQ(connection.query("SELECT string_agg(i::text, ',') FROM public.t").get(0, 0), "2");
}

TEST(Connection, CanBeCancelledFromAnotherThread) {
  auto connection = Connection::open(test::server_info());
  std::thread canceller([&connection] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    connection.cancel();
  });
  const Error error = test::error_of([&] { connection.query("SELECT pg_sleep(30)"); });
  canceller.join();
  EXPECT_EQ(error.sqlstate(), "57014");
}

TEST(Connection, SendsStatementsAtOnceAndNumbersTheOneThatFails) {
  const TestDatabase database;
  auto connection = database.connect();
  const auto results = connection.query_all({{"CREATE TABLE public.t (a int)", {}},
                                             {"INSERT INTO public.t VALUES ($1), ($2)", {"1", {}}},
                                             {"SELECT a, a IS NULL FROM public.t ORDER BY a", {}}});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[1].affected_rows(), 2U);
  ASSERT_EQ(results[2].size(), 2U);
  EXPECT_EQ(results[2].columns(), 2U);
  EXPECT_EQ(results[2].column_name(0), "a");
  EXPECT_EQ(results[2].integer(0, 0), 1);
  EXPECT_TRUE(results[2].is_null(1, 0));
  EXPECT_TRUE(results[2].boolean(1, 1));
  const Error error = test::error_of([&] {
    connection.query_all({{"INSERT INTO public.t VALUES (3)", {}},
                          {"SELECT 'x'::int", {}},
                          {"INSERT INTO public.t VALUES (4)", {}}});
  });
  EXPECT_EQ(error.sqlstate(), "22P02");
  EXPECT_EQ(connection.last_error().statement, 1U);
  // They were one transaction, and the session goes on.
  EXPECT_EQ(connection.query("SELECT count(*) FROM public.t").get(0, 0), "2");
  EXPECT_TRUE(connection.query_all({}).empty());
}

TEST(Connection, KeepsThePlansOfWhatItIsAskedAgain) {
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (7)");
  const auto prepared = [&connection] {
    return connection.query("SELECT count(*) FROM pg_prepared_statements").get(0, 0);
  };
  const std::vector<Statement> questions{{"SELECT a FROM public.t", {}},
                                         {"SELECT $1::text", {"x"}}};
  const auto ask = [&] {
    const auto results = connection.query_all(questions);
    return results.at(0).get(0, 0) + results.at(1).get(0, 0);
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(), "7x");
  EXPECT_EQ(prepared(), "0");
  connection.keep_plans();
  EXPECT_EQ(ask(), "7x");
  EXPECT_EQ(prepared(), "0");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(), "7x");
  EXPECT_EQ(prepared(), "2");
  connection.execute("ALTER TABLE public.t ALTER a TYPE text USING 'seven'");
  EXPECT_EQ(test::error_of(ask).sqlstate(), "0A000");
  connection.forget_plans();
  EXPECT_EQ(prepared(), "0");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(), "sevenx");
  // What an error left unprepared is prepared the next time.
  const std::vector<Statement> others{{"SELECT 1 / (length($1) - 1)", {"a"}}, {"SELECT 3", {}}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(test::error_of([&] { connection.query_all(others); }).sqlstate(), "22012");
  }
  EXPECT_EQ(connection.query_all({{others[1]}}).at(0).get(0, 0), "3");
}

}  // namespace
}  // namespace pgcycle::postgres
