#include "pgcycle/server/database_swap.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/new_database.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::server {
namespace {

using test::TestDatabase;

void fill(const DatabaseSwap& swap, int value) {
  auto connection = postgres::Connection::open(swap.new_database());
  connection.execute("CREATE TABLE public.t AS SELECT " + std::to_string(value) + " AS x");
}

std::string leftovers(const TestDatabase& database) {
  return database.value("SELECT count(*) FROM pg_database WHERE datname LIKE 'pgcycle%'");
}

TEST(DatabaseSwap, ReplacesTheTargetAlthoughSessionsKeepComing) {
  const TestDatabase database;
  database.run("CREATE TABLE t AS SELECT 0 AS x");
  const Target target = database.target();
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> answers{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        try {
          auto connection = database.connect();
          const std::string value = connection.query("SELECT x FROM public.t").get(0, 0);
          ++answers;
          if (value.empty()) ++wrong;
          connection.query("SELECT pg_sleep(0.05)");
        } catch (const Error& error) {
          // Being sent away is expected, also while connecting ("just been dropped or
          // renamed"); a database that is not there is not.
          const bool swapped = error.detail().find("renamed") != std::string::npos;
          if (error.detail().find("does not exist") != std::string::npos && !swapped) ++wrong;
        }
      }
    });
  }
  std::thread watcher([&] {
    auto maintenance = open_maintenance(target, test::silent());
    while (!stop) {
      const auto there =
          maintenance.query("SELECT FROM pg_database WHERE datname = $1", {target.database()});
      if (there.size() != 1) ++wrong;
    }
  });
  for (int round = 1; round <= 10; ++round) {
    auto maintenance = open_maintenance(target, test::silent());
    DatabaseSwap swap(maintenance, target, test::silent());
    NewDatabase(maintenance, swap.new_database()).create();
    fill(swap, round);
    swap.rename_in();
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  watcher.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answers, 10);
  EXPECT_EQ(database.value("SELECT x FROM t"), "10");
  EXPECT_EQ(leftovers(database), "0");
}

TEST(DatabaseSwap, LeavesTheTargetAloneUnlessRenamedIn) {
  const TestDatabase database;
  database.run("CREATE TABLE t AS SELECT 1 AS x");
  const Target target = database.target();
  {
    auto maintenance = open_maintenance(target, test::silent());
    DatabaseSwap swap(maintenance, target, test::silent());
    NewDatabase(maintenance, swap.new_database()).create();
    fill(swap, 2);
  }
  EXPECT_EQ(database.value("SELECT x FROM t"), "1");
  EXPECT_EQ(leftovers(database), "0");
}

TEST(DatabaseSwap, KeepsTheOldOneUntilThereIsTime) {
  const TestDatabase database;
  database.run("CREATE TABLE t AS SELECT 1 AS x");
  const Target target = database.target();
  auto maintenance = open_maintenance(target, test::silent());
  const auto swap_in = [&](int value) {
    DatabaseSwap swap(maintenance, target, test::silent());
    swap.keep_old();
    NewDatabase(maintenance, swap.new_database()).create();
    fill(swap, value);
    swap.rename_in();
  };
  swap_in(2);
  EXPECT_EQ(leftovers(database), "1");
  swap_in(3);  // the next swap drops the first one's
  EXPECT_EQ(leftovers(database), "1");
  DatabaseSwap::drop_old(maintenance, target.database());
  EXPECT_EQ(leftovers(database), "0");
  DatabaseSwap::drop_old(maintenance, target.database());
  EXPECT_EQ(database.value("SELECT x FROM t"), "3");
}

}  // namespace
}  // namespace pgcycle::server
