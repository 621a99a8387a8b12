#include "pgcycle/anonymize/plan.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "pgcycle/anonymize/rule_proof.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::anonymize {
namespace {

using test::TestDatabase;
using test::TestDirectory;

class PlanTest : public testing::Test {
 protected:
  AnonymizationPlan plan(const std::string& rules) {
    schema_ = database_.schema();
    std::vector<const catalog::Table*> tables;
    for (const catalog::Table& table : schema_.tables) tables.push_back(&table);
    const Config config = Config::load(
        directory_.write("pgcycle.json", R"({"anonymize": {"rules": {)" + rules + "}}}"),
        test::process_environment());
    return make_plan(schema_, tables, RuleSet::from_config(config),
                     PseudonymKey::from_hex(std::string(64, 'a')));
  }
  std::string masked(const AnonymizationPlan& plan, const std::string& table,
                     const std::string& column, const std::string& value) {
    return plan.column({"public", table}, column).mask(value, {}).value_or("NULL");
  }

  TestDirectory directory_;
  TestDatabase database_;
  catalog::Schema schema_;
};

TEST_F(PlanTest, StopsAtEveryColumnThatCouldHoldPersonalData) {
  database_.run(R"(CREATE TYPE c AS (a text); CREATE DOMAIN d AS text;
    CREATE TABLE t (id int PRIMARY KEY, a text, b varchar(9), c char(3), d d, e json, f jsonb, g bytea,
      h xml, i inet, j date, k text[], l c, m c[], n point, o tsvector, p daterange, q name, r bit(8),
      s macaddr, phone_number bigint,
      s1 int, s2 boolean, s3 uuid, s4 timestamptz, s5 numeric, s6 interval, s7 int4range, s8 int[]))");
  const Error error = test::error_of([&] { plan(""); });
  EXPECT_EQ(error.exit_status(), 4);
  for (const char* column : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
                             "k", "l", "m", "n", "o", "p", "q", "r", "s", "phone_number"}) {
    EXPECT_NE(error.detail().find("\"public.t." + std::string(column) + "\""), std::string::npos)
        << column;
  }
  for (const char* column : {"id", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"}) {
    EXPECT_EQ(error.detail().find("\"public.t." + std::string(column) + "\""), std::string::npos)
        << column;
  }
}

TEST_F(PlanTest, WhatItProposesIsAccepted) {
  database_.run(R"(CREATE TYPE c AS (a text, phone text);
    CREATE TABLE t (id int PRIMARY KEY, email text, note text, j jsonb, b bytea, d date, c c, m c[], n point);
    CREATE TABLE narrow (url varchar(9), password char(30), username varchar(6), iban varchar(4));
    CREATE TABLE keyed (remark text, password text UNIQUE, iban varchar(4), PRIMARY KEY (remark, iban)))");
  const Error error = test::error_of([&] { plan(""); });
  EXPECT_NO_THROW(plan(error.detail()));
}

TEST_F(PlanTest, AForeignKeyTakesTheRuleOfWhatItReferences) {
  database_.run(R"(CREATE TABLE a (email text PRIMARY KEY);
    CREATE TABLE b (a_email text PRIMARY KEY REFERENCES a);
    CREATE TABLE c (b_email text REFERENCES b);)");
  const AnonymizationPlan made = plan(R"("public.a.email": "email")");
  const std::string one = masked(made, "a", "email", "x@y.example");
  EXPECT_EQ(masked(made, "b", "a_email", "x@y.example"), one);
  EXPECT_EQ(masked(made, "c", "b_email", "x@y.example"), one);
  EXPECT_EQ(made.masked_columns(), 3U);
}

TEST_F(PlanTest, TheMostSpecificRuleWins) {
  database_.run("CREATE TABLE a (x text, email text); CREATE TABLE b (email text)");
  const AnonymizationPlan made =
      plan(R"("*.*.email": "email", "public.a.*": "text", "public.b.email": "keep")");
  EXPECT_NE(masked(made, "a", "email", "ana@b.example").find("@example.test"), std::string::npos);
  EXPECT_EQ(made.column({"public", "b"}, "email").column_class, ColumnClass::kept);
  EXPECT_EQ(made.column({"public", "a"}, "x").rule, "text");
}

TEST_F(PlanTest, RefusesRulesThatCannotHold) {
  database_.run(
      "CREATE TABLE a (id int, name text UNIQUE, must text NOT NULL, short varchar(4), j jsonb)");
  const std::string rest = R"("public.a.j": {"json": {"$..*": "text"}}, )";
  const Error unique = test::error_of([&] {
    plan(rest + R"("public.a.name": "scrub", "public.a.must": "text", "public.a.short": "text")");
  });
  EXPECT_EQ(unique.constraint(), "a_name_key");
  EXPECT_NE(unique.location().line, 0);
  EXPECT_THROW(
      plan(rest + R"("public.a.name": "hash", "public.a.must": "null", "public.a.short": "text")"),
      Error);
  EXPECT_THROW(
      plan(rest + R"("public.a.name": "hash", "public.a.must": "text", "public.a.short": "email")"),
      Error);
  EXPECT_THROW(plan(R"("public.a.nmae": "hash")"), Error);
}

TEST_F(PlanTest, KeepsEveryKindOfKeyUniqueOrSaysThatItCannot) {
  database_.run(
      R"(CREATE TABLE a (id int, town text, name text, email text, code text, deleted bool, j jsonb, r daterange,
      UNIQUE (town, name), EXCLUDE USING gist (r WITH &&));
    CREATE UNIQUE INDEX a_email ON a (lower(email)) WHERE NOT deleted;
    CREATE UNIQUE INDEX a_code ON a (substr(code, 1, 3));
    CREATE UNIQUE INDEX a_member ON a ((j ->> 'card')))");
  const std::string good = R"("public.a.town": "city", "public.a.name": "first_name",
    "public.a.email": "email", "public.a.code": "keep", "public.a.r": "keep", "public.a.j": {"json": {"$.card": "card"}})";
  const AnonymizationPlan made = plan(good);
  std::set<std::string> towns;
  std::set<std::string> emails;
  std::set<std::string> cards;
  for (int i = 0; i < 3000; ++i) {
    towns.insert(masked(made, "a", "town", fmt::format("Town {}", i)));
    emails.insert(masked(made, "a", "email", fmt::format("Person{}@mailbox.example", i)));
    cards.insert(masked(made, "a", "j", fmt::format(R"({{"card": "4{:015}"}})", i)));
  }
  EXPECT_EQ(towns.size(), 3000U);
  EXPECT_EQ(emails.size(), 3000U);
  EXPECT_EQ(cards.size(), 3000U);
  EXPECT_EQ(masked(made, "a", "email", "A@B.example"), masked(made, "a", "email", "a@b.example"));
  const auto refused = [&](const std::string& column, const std::string& rule) {
    return test::error_of([&] {
             plan(std::regex_replace(
                 good, std::regex("(\"public.a." + column + "\": )(\"[a-z_]+\"|[{][^}]*[}]+)"),
                 "$1" + rule));
           })
        .constraint();
  };
  EXPECT_EQ(refused("town", "\"scrub\""), "a_town_name_key");
  EXPECT_EQ(refused("email", "\"scrub\""), "a_email");
  EXPECT_EQ(refused("code", "\"hash\""), "a_code");
  EXPECT_EQ(refused("r", "\"fixed\""), "a_r_excl");
  EXPECT_EQ(refused("j", R"({"json": {"$.card": "scrub"}})"), "a_member");
}

TEST_F(PlanTest, ForeignKeysTakeTheRuleOfWhatTheyReference) {
  database_.run(
      "CREATE TABLE a (email text PRIMARY KEY); CREATE TABLE b (email text REFERENCES a)");
  const AnonymizationPlan made = plan(R"("*.*.email": "text")");
  EXPECT_EQ(masked(made, "a", "email", "ana@b.example"),
            masked(made, "b", "email", "ana@b.example"));
  const Error error =
      test::error_of([&] { plan(R"("public.a.email": "email", "public.b.email": "hash")"); });
  EXPECT_EQ(error.constraint(), "b_email_fkey");
  EXPECT_NE(error.location().line, 0);
}

TEST_F(PlanTest, ProvesRulesAgainstChecksDomainsAndTypes) {
  database_.run(R"(CREATE TYPE mood AS ENUM ('glad', 'sad');
    CREATE DOMAIN german_phone AS text CHECK (VALUE LIKE '+49%');
    CREATE TABLE a (id int PRIMARY KEY, email text CONSTRAINT has_at CHECK (email LIKE '%@%'), phone german_phone, mood mood);
    INSERT INTO a VALUES (1, 'ana.duarte@b.example', '+49 30 901820', 'glad'))");
  const auto prove = [&](const std::string& rules) {
    const AnonymizationPlan made = plan(rules);
    auto connection = database_.connect();
    prove_rules(connection, {schema_.find_table({"public", "a"})}, made);
  };
  EXPECT_NO_THROW(prove(R"("*.*.email": "email", "*.*.phone": "phone")"));
  const Error check =
      test::error_of([&] { prove(R"("*.*.email": "hash", "*.*.phone": "phone")"); });
  EXPECT_EQ(check.constraint(), "has_at");
  const Error domain =
      test::error_of([&] { prove(R"("*.*.email": "email", "*.*.phone": "hash")"); });
  EXPECT_EQ(domain.constraint(), "german_phone_check");
  const Error type = test::error_of(
      [&] { prove(R"("*.*.email": "email", "*.*.phone": "phone", "*.*.mood": "hash")"); });
  EXPECT_NE(type.detail().find("public.a.mood"), std::string::npos);
  for (const Error& error : {check, domain, type}) {
    EXPECT_EQ(format_error("p", error).find("duarte"), std::string::npos);
    EXPECT_EQ(format_error("p", error).find("901820"), std::string::npos);
  }
}

TEST_F(PlanTest, JsonRulesReachWhatTheyNameAndRefuseTheRest) {
  database_.run("CREATE TABLE a (j jsonb)");
  const AnonymizationPlan made = plan(R"("public.a.j": {"json": {
    "$.email": "email", "$.kids[*].name": "first_name", "$..phone": "phone", "$.kind": "keep"}})");
  const std::string out = masked(
      made, "a", "j",
      R"({"kind": "x", "email": "a@b.example", "kids": [{"name": "Ana", "phone": "123456"}], "n": null})");
  for (const char* gone : {"a@b.example", "Ana", "123456"}) {
    EXPECT_EQ(out.find(gone), std::string::npos) << out;
  }
  EXPECT_NE(out.find(R"("kind": "x")"), std::string::npos) << out;
  const Error error = test::error_of([&] { masked(made, "a", "j", R"({"nick": "Ann"})"); });
  EXPECT_EQ(error.code(), ErrorCode::check);
  EXPECT_EQ(format_error("p", error).find("Ann"), std::string::npos)
      << "a value stands in the error";
}

TEST_F(PlanTest, NamesJsonPathsThatMeetNothing) {
  database_.run("CREATE TABLE a (j jsonb)");
  const AnonymizationPlan made = plan(
      R"("public.a.j": {"json": {"$.email": "email", "$.emial": "email", "$..other": "text"}})");
  EXPECT_NO_THROW(made.require_used_paths());  // there was no value
  masked(made, "a", "j", R"({"email": "ana@b.example"})");
  const Error error = test::error_of([&] { made.require_used_paths(); });
  EXPECT_EQ(error.code(), ErrorCode::config);
  EXPECT_NE(error.message().find("$.emial"), std::string::npos);
  EXPECT_NE(error.location().line, 0);
  EXPECT_TRUE(error.also().empty());
}

TEST_F(PlanTest, NamesOfJsonMembersAreMaskedOrRefused) {
  database_.run("CREATE TABLE a (j jsonb)");
  const std::string value = R"({"by": {"ana@b.example": 1, "x@b.example": {"name": "Ana"}}})";
  const AnonymizationPlan without = plan(R"("public.a.j": {"json": {"$..name": "first_name"}})");
  const Error error = test::error_of([&] { masked(without, "a", "j", value); });
  EXPECT_EQ(error.code(), ErrorCode::check);
  EXPECT_EQ(format_error("p", error).find("ana@"), std::string::npos)
      << "a name stands in the error";
  EXPECT_NE(error.hint().find("$.by.*~"), std::string::npos);
  const AnonymizationPlan with =
      plan(R"("public.a.j": {"json": {"$..name": "first_name", "$.by.*~": "email"}})");
  const std::string out = masked(with, "a", "j", value);
  EXPECT_EQ(out.find("b.example"), std::string::npos) << out;
  EXPECT_EQ(out.find("Ana"), std::string::npos) << out;
  EXPECT_NE(out.find("@example.test"), std::string::npos) << out;
  EXPECT_NE(out.find("\"by\""), std::string::npos) << out;
  // What the server makes of it is in the same order.
  EXPECT_EQ(database_.value("SELECT '" + out + "'::jsonb"), out);
}

TEST_F(PlanTest, ArraysAndCompositesAreMaskedInside) {
  database_.run("CREATE TYPE c AS (name text, no int); CREATE TABLE a (n text[], m c[])");
  const AnonymizationPlan made =
      plan(R"("public.a.n": "first_name", "public.a.m": {"fields": {"name": "person_name"}})");
  const std::string names = masked(made, "a", "n", "{Ana,NULL,\"Li Wei\"}");
  EXPECT_EQ(names.find("Ana"), std::string::npos);
  EXPECT_NE(names.find(",NULL,"), std::string::npos);
  const std::string pairs = masked(made, "a", "m", "{\"(\\\"Ana Duarte\\\",7)\"}");
  EXPECT_EQ(pairs.find("Duarte"), std::string::npos);
  EXPECT_NE(pairs.find(",7)"), std::string::npos);
}

}  // namespace
}  // namespace pgcycle::anonymize
