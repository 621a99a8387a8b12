#include "pgcycle/support/error.hpp"

#include <gtest/gtest.h>

namespace pgcycle {
namespace {

TEST(Error, IsFormattedWithEverythingThatIsKnown) {
  const Error error = Error(ErrorCode::statement, "duplicate key")
                          .at("a.sql", 3, 7)
                          .detail("one\ntwo")
                          .hint("try another")
                          .sqlstate("23505");
  EXPECT_EQ(format_error("pgcycle-seed", error),
            "pgcycle-seed: error: duplicate key\n"
            "  at a.sql:3:7\n"
            "  detail: one\n    two\n"
            "  hint: try another\n"
            "  sqlstate: 23505\n");
  EXPECT_EQ(error.exit_status(), 3);
}

TEST(Error, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(format_error("p", Error(ErrorCode::input, "bad").at("f", 2)),
            "p: error: bad\n  at f:2\n");
}

TEST(Error, HasTheExitStatusOfItsKind) {
  EXPECT_EQ(kind_of(ErrorCode::usage).exit_status, 1);
  EXPECT_EQ(kind_of(ErrorCode::config).exit_status, 1);
  EXPECT_EQ(kind_of(ErrorCode::input).exit_status, 1);
  EXPECT_EQ(kind_of(ErrorCode::connect).exit_status, 2);
  EXPECT_EQ(kind_of(ErrorCode::step).exit_status, 3);
  EXPECT_EQ(kind_of(ErrorCode::check).exit_status, 4);
  EXPECT_EQ(kind_of(ErrorCode::guard).exit_status, 5);
  EXPECT_EQ(kind_of(ErrorCode::interrupted).exit_status, 130);
}

TEST(ErrorList, ThrowsAllOfThemAtOnceInTheOrderOfTheirPlaces) {
  ErrorList errors;
  EXPECT_NO_THROW(errors.raise_if_any());
  errors.add(Error(ErrorCode::input, "second").at("f", 9));
  errors.add(Error(ErrorCode::input, "first").at("f", 2));
  try {
    errors.raise_if_any();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "first");
    ASSERT_EQ(error.also().size(), 1U);
    EXPECT_EQ(error.also()[0].message(), "second");
  }
}

TEST(NearestName, FindsMisspellingsAndNothingElse) {
  const std::vector<std::string> names{"database.url", "dump.file", "fixtures.dir"};
  EXPECT_EQ(nearest_name("dump.fiel", names), "dump.file");
  EXPECT_EQ(nearest_name("databse.url", names), "database.url");
  EXPECT_EQ(nearest_name("colour", names), "");
}

}  // namespace
}  // namespace pgcycle
