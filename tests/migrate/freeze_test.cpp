#include "pgcycle/migrate/freeze.hpp"

#include <gtest/gtest.h>

#include "pgcycle/support/error.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

using Broken = std::vector<std::string>;

class FreezeTest : public testing::Test {
 protected:
  FreezeRequest request(std::vector<std::string> probes = {}) {
    return {connection_, directory_.path() / "schema.lock.json", {}, std::move(probes)};
  }
  // What these statements break of what is frozen before them; they are rolled back.
  Broken broken_by(const std::string& sql) {
    connection_.execute("BEGIN; SET LOCAL search_path = public; " + sql);
    Broken out;
    for (const BrokenPromise& promise : check_freeze(request())) {
      out.push_back(promise.object + " " + promise.what);
    }
    connection_.execute("ROLLBACK");
    return out;
  }

  test::TestDatabase database_;
  postgres::Connection connection_ = database_.connect();
  test::TestDirectory directory_;
};

TEST_F(FreezeTest, TellsWhatBroke) {
  database_.run(R"(
    CREATE DOMAIN mail AS varchar(80) NOT NULL; CREATE DOMAIN note AS text;
    CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE TABLE t (id int PRIMARY KEY, "a ""b c" int, "a ""b d" text NOT NULL, m mail);
    CREATE VIEW v AS SELECT id AS "the ""id x", "a ""b c" AS "the ""id y" FROM t;
    CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x')");
  EXPECT_EQ(freeze(request()), 7U);
  EXPECT_EQ(broken_by("SELECT 1"), Broken{});
  EXPECT_EQ(broken_by("ALTER TABLE t ADD more int; ALTER TYPE pair ADD ATTRIBUTE c int; "
                      "CREATE TABLE other (i int); ALTER DOMAIN note SET NOT NULL; "
                      "ALTER TABLE t ALTER \"a \"\"b c\" SET NOT NULL"),
            Broken{});
  EXPECT_EQ(
      broken_by("DROP VIEW v; CREATE VIEW v AS SELECT \"a \"\"b c\" AS \"the \"\"id y\" FROM t"),
      (Broken{"public.v column \"the \"\"id x\" is gone",
              "public.v column \"the \"\"id y\" was number 2, and is number 1"}));
  EXPECT_EQ(broken_by("ALTER TABLE t ALTER \"a \"\"b d\" DROP NOT NULL, ALTER m TYPE text"),
            (Broken{"public.t column \"a \"\"b d\" may be null now",
                    "public.t column m was public.mail, and is text"}));
  EXPECT_EQ(broken_by("ALTER DOMAIN mail DROP NOT NULL"), Broken{"public.mail may be null now"});
  EXPECT_EQ(broken_by("DROP DOMAIN note; CREATE DOMAIN note AS varchar(9)"),
            Broken{"public.note was text, and is character varying(9)"});
  EXPECT_EQ(broken_by("ALTER TYPE pair DROP ATTRIBUTE b"), Broken{"public.pair column b is gone"});
  EXPECT_EQ(broken_by("ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'"),
            Broken{"public.mood value bad is gone"});
  EXPECT_EQ(broken_by("DROP FUNCTION f; CREATE FUNCTION f(x int) RETURNS bigint LANGUAGE sql AS "
                      "'SELECT 1::bigint'"),
            Broken{"public.f(x integer) (x integer) returns integer is now (x integer) returns "
                   "bigint"});
}

TEST_F(FreezeTest, ProbesOnlyRead) {
  database_.run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
  freeze(request({"SELECT * FROM public.t ORDER BY id"}));
  EXPECT_EQ(check_freeze(request()).size(), 0U);
  database_.run("INSERT INTO t VALUES (2)");
  EXPECT_EQ(check_freeze(request()).at(0).object, "SELECT * FROM public.t ORDER BY id");
  database_.run("DROP TABLE t");
  EXPECT_EQ(check_freeze(request()).back().what, "fails: relation \"public.t\" does not exist");
  const Error writes =
      test::error_of([&] { freeze(request({"CREATE TABLE public.x AS SELECT 1"})); });
  EXPECT_EQ(writes.sqlstate(), "25006");
  EXPECT_NE(writes.hint().find("CREATE TABLE public.x"), std::string::npos);
}

}  // namespace
}  // namespace pgcycle::migrate
