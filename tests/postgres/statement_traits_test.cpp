#include "pgcycle/postgres/statement_traits.hpp"

#include <gtest/gtest.h>

#include "pgcycle/postgres/connection.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

TEST(StatementTraits, FindWhatNoTransactionCanHold) {
  for (const char* sql :
       {"CREATE UNIQUE INDEX CONCURRENTLY i ON t (x)", "create index concurrently on t(x)",
        "DROP INDEX CONCURRENTLY IF EXISTS a, b", "REINDEX (VERBOSE, CONCURRENTLY) TABLE t",
        "REINDEX INDEX CONCURRENTLY i", "REINDEX DATABASE x", "VACUUM (FULL) t", "CLUSTER",
        "CREATE DATABASE x", "DROP TABLESPACE y", "ALTER SYSTEM SET a = 1",
        "/* c */ ALTER TABLE ONLY a DETACH PARTITION b CONCURRENTLY", "DISCARD ALL",
        "DROP SUBSCRIPTION s"}) {
    EXPECT_TRUE(traits_of(sql).outside_transaction) << sql;
  }
  for (const char* sql :
       {"CREATE INDEX concurrently_made ON t (x)", "SELECT 'CREATE INDEX CONCURRENTLY'",
        "CREATE TABLE vacuum (x int)", "CLUSTER t", "REINDEX TABLE t", "DROP INDEX i",
        "ALTER TABLE a DETACH PARTITION b", "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "COMMENT ON INDEX i IS 'CONCURRENTLY'", "CREATE INDEX \"concurrently\" ON t (x)"}) {
    EXPECT_FALSE(traits_of(sql).outside_transaction) << sql;
  }
}

// What the reader says, the server says too.
TEST(StatementTraits, AgreeWithTheServer) {
  const test::TestDatabase database;
  database.run(
      "CREATE TABLE t (x int); CREATE INDEX i ON t (x); CREATE TABLE p (x int) PARTITION "
      "BY RANGE (x); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (2)");
  for (const char* sql :
       {"CREATE INDEX CONCURRENTLY j ON public.t (x)", "DROP INDEX CONCURRENTLY public.i",
        "REINDEX TABLE CONCURRENTLY public.t", "REINDEX TABLE public.t", "VACUUM public.t",
        "CLUSTER", "CREATE DATABASE never",
        "ALTER TABLE public.p DETACH PARTITION public.p1 CONCURRENTLY",
        "ALTER SYSTEM SET work_mem = '4MB'", "DISCARD ALL", "ANALYZE public.t",
        "LOCK TABLE public.t", "DROP INDEX public.i"}) {
    auto connection = database.connect();
    connection.execute("BEGIN");
    bool refused = false;
    try {
      connection.execute(sql);
    } catch (const Error& error) {
      refused = error.sqlstate() == "25001";
    }
    EXPECT_EQ(traits_of(sql).outside_transaction, refused) << sql;
  }
}

TEST(StatementTraits, TellTransactionControlAndNames) {
  EXPECT_EQ(traits_of("START TRANSACTION READ ONLY").control, TransactionControl::begin);
  EXPECT_EQ(traits_of("END").control, TransactionControl::commit);
  EXPECT_EQ(traits_of("ROLLBACK TO x").control, TransactionControl::inner);
  EXPECT_EQ(traits_of("ROLLBACK").control, TransactionControl::rollback);
  EXPECT_TRUE(traits_of("SET SESSION search_path = a").changes_session);
  EXPECT_FALSE(traits_of("SET LOCAL search_path = a").changes_session);
  EXPECT_EQ(traits_of("CREATE INDEX CONCURRENTLY ON ONLY \"S\".t (x)").indexed_table,
            "\"S\".\"t\"");
  EXPECT_EQ(traits_of("CREATE INDEX CONCURRENTLY ON t (x)").created_index, "");
  EXPECT_EQ(
      traits_of("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON t (x)").created_index,
      "\"I\"");
  EXPECT_EQ(traits_of("REINDEX INDEX CONCURRENTLY schema").reindexed_kind, "index");
  EXPECT_EQ(traits_of("REINDEX (VERBOSE, CONCURRENTLY) SCHEMA s").reindexed_kind, "schema");
  EXPECT_EQ(traits_of("REINDEX SCHEMA CONCURRENTLY s").reindexed, "\"s\"");
  EXPECT_EQ(traits_of("REINDEX TABLE t").reindexed_kind, "");
  EXPECT_EQ(traits_of("DROP INDEX CONCURRENTLY a, s.b").dropped_indexes,
            (std::vector<std::string>{"\"a\"", "\"s\".\"b\""}));
}

}  // namespace
}  // namespace pgcycle::postgres
