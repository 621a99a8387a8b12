#include "pgcycle/load/foreign_key_check.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::load {
namespace {

class ForeignKeyCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    connection_.execute(R"(
      SET search_path = public;
      CREATE TABLE p (id int PRIMARY KEY) PARTITION BY HASH (id);
      CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE p2 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      CREATE TABLE c (id int PRIMARY KEY, parent int REFERENCES p);
      BEGIN;
      SET LOCAL session_replication_role = replica;
      INSERT INTO p SELECT generate_series(1, 50000);
      INSERT INTO c SELECT i, 1 + i * 7919 % 50000 FROM generate_series(1, 50000) i)");
    schema_ = catalog::load_schema(connection_);
  }
  const catalog::ForeignKey& key() { return schema_.foreign_keys.at(0); }
  void prove() { require_proven(connection_, key(), connection_.query(proof_of(key()).sql), {}); }

  test::TestDatabase database_;
  postgres::Connection connection_ = database_.connect();
  catalog::Schema schema_;
};

// The planner knows nothing of rows that were just loaded, nor of keys of partitioned tables.
TEST_F(ForeignKeyCheckTest, ReadsEachTableOnce) {
  const postgres::Result plan = connection_.query("EXPLAIN " + proof_of(key()).sql);
  std::string text;
  for (std::size_t i = 0; i < plan.size(); ++i) text += plan.get(i, 0) + "\n";
  EXPECT_EQ(text.find("Nested Loop"), std::string::npos) << text;
  EXPECT_NO_THROW(prove());
}

TEST_F(ForeignKeyCheckTest, CountsTheRowsThatBreakIt) {
  connection_.execute("DELETE FROM p WHERE id IN (5, 6, 7)");
  try {
    prove();
    FAIL() << "rows without a parent were let through";
  } catch (const Error& error) {
    EXPECT_EQ(error.sqlstate(), "23503");
    EXPECT_TRUE(error.detail().ends_with("3 rows break the constraint.")) << error.detail();
  }
}

}  // namespace
}  // namespace pgcycle::load
