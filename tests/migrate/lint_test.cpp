#include "pgcycle/migrate/lint.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "pgcycle/migrate/lint_rules.hpp"
#include "pgcycle/support/file.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

using test::TestDirectory;

std::vector<LintFinding> findings_of(std::string_view sql,
                                     const std::string& today = "2026-11-22") {
  const TestDirectory directory;
  directory.write("v1/010_x.sql", std::string(sql));
  return lint({directory.path(), {}, today, {}});
}

bool has(const std::vector<LintFinding>& findings, std::string_view rule) {
  return std::any_of(findings.begin(), findings.end(),
                     [rule](const LintFinding& finding) { return finding.rule == rule; });
}

class Lint : public testing::Test {
 protected:
  void SetUp() override {
    if (!lint_is_available()) GTEST_SKIP() << "libpg_query is not installed";
  }
};

TEST_F(Lint, EachRuleFindsItsOwnExampleAndNotTheOther) {
  EXPECT_GE(lint_rules().size(), 35U);
  for (const LintRule& rule : lint_rules()) {
    EXPECT_TRUE(has(findings_of(rule.bad), rule.name)) << rule.name << ": " << rule.bad;
    EXPECT_FALSE(has(findings_of(rule.good), rule.name)) << rule.name << ": " << rule.good;
  }
}

TEST_F(Lint, NewTablesMayBeChangedAtWill) {
  EXPECT_TRUE(
      findings_of("CREATE TABLE t (id int PRIMARY KEY);\nALTER TABLE t ADD COLUMN x int NOT "
                  "NULL;\nCREATE INDEX i ON t (x);\nUPDATE t SET x = 1;\nALTER TABLE t "
                  "ALTER COLUMN x TYPE bigint;")
          .empty());
}

TEST_F(Lint, FindingsNameTheirPlace) {
  const auto findings = findings_of("SELECT 1;\n\n  DROP TABLE orders;");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].place.line, 3);
  EXPECT_EQ(findings[0].place.column, 3);
}

TEST_F(Lint, AnAllowanceNeedsAReasonAndADate) {
  const auto with = [](const std::string& comment) {
    return findings_of("SELECT 1;\n-- pgcycle: allow drop-table " + comment + "\nDROP TABLE t;");
  };
  EXPECT_TRUE(with("reason=\"gone since v0.2\" until=2027-01-01").empty());
  EXPECT_TRUE(has(with("until=2027-01-01"), "allowance"));
  EXPECT_TRUE(has(with("reason=\"x\""), "allowance"));
  const auto expired = with("reason=\"x\" until=2026-01-01");
  EXPECT_TRUE(has(expired, "allowance") && has(expired, "drop-table"));
  EXPECT_TRUE(
      has(findings_of("SELECT 1;\n-- pgcycle: allow nonsense reason=\"x\" until=2027-01-01\n"
                      "SELECT 2;"),
          "allowance"));
}

TEST_F(Lint, WhatARehearsalMeasuredCounts) {
  const TestDirectory directory;
  directory.write("m/v1/010_x.sql", "ALTER TABLE t ALTER COLUMN x TYPE other;");
  const std::string checksum = read_migrations(directory.path() / "m")[0].steps[0].checksum;
  EXPECT_TRUE(
      has(lint({directory.path() / "m", {}, "2026-11-22", directory.path()}), "change-type"));
  directory.write("a.json", R"({"rewrites": {")" + checksum + R"(": []}})");
  EXPECT_FALSE(
      has(lint({directory.path() / "m", {}, "2026-11-22", directory.path()}), "change-type"));
  directory.write("a.json", R"({"rewrites": {")" + checksum + R"(": [1]}})");
  EXPECT_TRUE(
      has(lint({directory.path() / "m", {}, "2026-11-22", directory.path()}), "change-type"));
}

TEST(LintRules, ThePageInTheDocsIsThatOfTheRules) {
  const auto page = std::filesystem::path(PGCYCLE_SOURCE_DIRECTORY) / "docs" / "lint-rules.md";
  if (std::getenv("PGCYCLE_UPDATE_DOCS") != nullptr) std::ofstream(page) << lint_rules_page();
  EXPECT_EQ(read_file(page), lint_rules_page()) << "run the tests with PGCYCLE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace pgcycle::migrate
