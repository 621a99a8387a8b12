#include <gtest/gtest.h>

#include "pgcycle/migrate/new_migration.hpp"
#include "pgcycle/migrate/plan.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::migrate {
namespace {

using test::TestDirectory;

std::vector<std::string> names(const TestDirectory& directory) {
  std::vector<std::string> out;
  for (const Version& version : read_migrations(directory.path())) {
    out.push_back(version.name + (version.steps[0].down ? " and back" : ""));
  }
  return out;
}

using Names = std::vector<std::string>;

TEST(Layouts, GolangMigrate) {
  const TestDirectory directory;
  directory.write("10_b.up.sql", "SELECT 1;");
  directory.write("9_a.up.sql", "BEGIN; SELECT 1; COMMIT;");
  directory.write("9_a.down.sql", "SELECT 1;");
  EXPECT_EQ(layout_of(directory.path()), Layout::golang_migrate);
  EXPECT_EQ(names(directory), (Names{"9_a and back", "10_b"}));
  EXPECT_TRUE(read_migrations(directory.path())[0].steps[0].no_transaction);
  EXPECT_EQ(find_version(read_migrations(directory.path()), "10").name, "10_b");
  EXPECT_EQ(find_version(read_migrations(directory.path()), "0010").name, "10_b");
}

TEST(Layouts, DieselAndSqlx) {
  const TestDirectory directory;
  directory.write("2023-01-02-000000_b/up.sql", "SELECT 1;");
  directory.write("2023-01-01-120000_a/up.sql", "SELECT 1;");
  directory.write("2023-01-01-120000_a/down.sql", "SELECT 1;");
  EXPECT_EQ(names(directory), (Names{"2023-01-01-120000_a and back", "2023-01-02-000000_b"}));
}

TEST(Layouts, Flyway) {
  const TestDirectory directory;
  directory.write("V1.10__ten.sql", "SELECT 1;");
  directory.write("V1.9__nine.sql", "SELECT 1;");
  directory.write("U1.9__nine.sql", "SELECT 1;");
  directory.write("R__views.sql", "SELECT 1;");
  EXPECT_EQ(names(directory), (Names{"V1.9__nine and back", "V1.10__ten", "R__views"}));
  EXPECT_TRUE(read_migrations(directory.path()).back().repeatable());
}

TEST(Layouts, DbmateAndGoose) {
  const TestDirectory dbmate;
  dbmate.write("20230101_a.sql",
               "-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;\n");
  EXPECT_EQ(names(dbmate), Names{"20230101_a and back"});
  const Step step = read_migrations(dbmate.path())[0].steps[0];
  EXPECT_TRUE(step.no_transaction);
  EXPECT_FALSE(step.down_no_transaction);
  EXPECT_EQ(read_up(step), "-- migrate:up transaction:false\nSELECT 1;\n\n\n");
  EXPECT_EQ(read_down(step), "\n\n-- migrate:down\nSELECT 2;\n");
  const TestDirectory goose;
  goose.write(
      "001_a.sql",
      "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n-- +goose "
      "Down\n");
  EXPECT_EQ(names(goose), Names{"001_a"});
}

TEST(Layouts, Sqitch) {
  const TestDirectory directory;
  directory.write("sqitch.plan",
                  "%syntax-version=1.0.0\n%project=shop\n\n"
                  "# a remark\n"
                  "users 2026-01-01T10:00:00Z A <a@b.c> # People\n"
                  "schema/orders [users] 2026-01-02T10:00:00Z A <a@b.c> # Orders\n"
                  "@v1.0 2026-01-03T10:00:00Z A <a@b.c> # First\n\n"
                  "users [users@v1.0] 2026-01-04T10:00:00Z A <a@b.c> # Other people\n"
                  "@v1.1 2026-01-05T10:00:00Z A <a@b.c> # Second\n"
                  "  +users [users@v1.1] 2026-01-06T10:00:00Z A <a@b.c> # Again\r\n");
  for (const char* name : {"users@v1.0", "users@v1.1", "users", "schema/orders"}) {
    directory.write(std::string("deploy/") + name + ".sql", "BEGIN; SELECT 1; COMMIT;");
  }
  directory.write("revert/users.sql", "BEGIN; SELECT 1; COMMIT;");
  directory.write("verify/users.sql", "BEGIN; SELECT 1; ROLLBACK;");
  EXPECT_EQ(layout_of(directory.path()), Layout::sqitch);
  EXPECT_EQ(names(directory),
            (Names{"users@v1.0", "schema/orders", "users@v1.1", "users and back"}));
  EXPECT_EQ(find_version(read_migrations(directory.path()), "2").name, "schema/orders");
  NewMigrationRequest request{directory.path(), "more", {}};
  EXPECT_EQ(test::error_of([&] { new_migration(request); }).hint(), "sqitch add more");
  // What cannot be read is told with its line.
  directory.write("sqitch.plan", "users 2026\n@v1.0 2026\nmissing 2026\nusers 2026\nusers 2026\n");
  Error error = test::error_of([&] { read_migrations(directory.path()); });
  EXPECT_EQ(error.location().line, 5);
  EXPECT_NE(error.message().find("twice"), std::string::npos);
  directory.write("sqitch.plan", "users 2026\nmissing 2026\n");
  error = test::error_of([&] { read_migrations(directory.path()); });
  EXPECT_EQ(error.location().line, 2);
  EXPECT_NE(error.message().find("deploy/missing.sql"), std::string::npos);
  directory.write("sqitch.plan", "users 2026\n-users 2026\n");
  EXPECT_EQ(test::error_of([&] { read_migrations(directory.path()); }).location().line, 2);
}

TEST(Layouts, PassesOverWhatToolsKeepBeside) {
  const TestDirectory directory;
  directory.write("0000_a.sql", "SELECT 1;\n--> statement-breakpoint\nSELECT 2;\n");
  directory.write("0001_b.sql", "SELECT 1;");
  directory.write("meta/_journal.json", "{}");
  directory.write("meta/0000_snapshot.json", "{}");
  directory.write("atlas.sum", "h1:x");
  EXPECT_EQ(names(directory), (Names{"0000_a", "0001_b"}));
  // What could be a migration is not.
  directory.write("0002_c/up.sq", "SELECT 1;");
  EXPECT_THROW(read_migrations(directory.path()), Error);
  const TestDirectory other;
  other.write("0000_a.sql", "SELECT 1;");
  other.write("later/b.sql", "SELECT 1;");
  EXPECT_THROW(read_migrations(other.path()), Error);
}

TEST(Layouts, AFolderIsOfOneKind) {
  const TestDirectory directory;
  directory.write("1_a.up.sql", "SELECT 1;");
  directory.write("V1__b.sql", "SELECT 1;");
  EXPECT_EQ(test::error_of([&] { read_migrations(directory.path()); }).code(), ErrorCode::input);
  const TestDirectory twice;
  twice.write("1_a.up.sql", "SELECT 1;");
  twice.write("01_b.up.sql", "SELECT 1;");
  const Error error = test::error_of([&] { read_migrations(twice.path()); });
  EXPECT_NE(error.message().find("same number"), std::string::npos);
}

TEST(Layouts, TheChecksumIsOfLinesAndOfWhatIsIncluded) {
  const TestDirectory directory;
  directory.write("v1/parts/part.sql", "SELECT 1;");
  directory.write("v1/010_a.sql", "\\ir parts/part.sql\nSELECT 2;\n");
  const std::string before = read_migrations(directory.path())[0].steps[0].checksum;
  directory.write("v1/010_a.sql", "\\ir parts/part.sql\r\nSELECT 2;\r\n");
  EXPECT_EQ(read_migrations(directory.path())[0].steps[0].checksum, before);
  directory.write("v1/parts/part.sql", "SELECT 3;");
  EXPECT_NE(read_migrations(directory.path())[0].steps[0].checksum, before);
}

TEST(Layouts, NewFilesAreOfTheFoldersForm) {
  const TestDirectory versions;
  EXPECT_EQ(new_migration({versions.path(), "Add notes", {}})[0].filename(), "010_add_notes.sql");
  EXPECT_EQ(new_migration({versions.path(), "more", {}})[0].filename(), "020_more.sql");
  EXPECT_EQ(read_migrations(versions.path())[0].steps.size(), 2U);
  const TestDirectory golang;
  golang.write("000009_a.up.sql", "SELECT 1;");
  EXPECT_EQ(new_migration({golang.path(), "b", {}})[1].filename(), "000010_b.down.sql");
  const TestDirectory flyway;
  flyway.write("V3__a.sql", "SELECT 1;");
  EXPECT_EQ(new_migration({flyway.path(), "b", {}})[0].filename(), "V4__b.sql");
  EXPECT_EQ(test::error_of([&] {
              new_migration({flyway.path(), "a/b", {}});
            }).code(),
            ErrorCode::usage);
}

}  // namespace
}  // namespace pgcycle::migrate
