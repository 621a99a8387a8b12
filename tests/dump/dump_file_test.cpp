#include "pgcycle/dump/dump_file.hpp"

#include <gtest/gtest.h>

#include "tests/test_server.hpp"

namespace pgcycle::dump {
namespace {

using test::TestDirectory;

TEST(InspectDump, TellsTheFormByContentNotByName) {
  const TestDirectory directory;
  EXPECT_EQ(inspect_dump(directory.write("a.sql", "PGDMP\x01\x0e" + std::string(100, 'x'))).format,
            DumpFormat::custom);
  directory.write("d/toc.dat", "PGDMP\x01\x0e" + std::string(100, 'x'));
  EXPECT_EQ(inspect_dump(directory.path() / "d").format, DumpFormat::directory);
}

TEST(InspectDump, RefusesWhatIsNoneOrNotYetRead) {
  const TestDirectory directory;
  EXPECT_EQ(test::error_of([&] { inspect_dump(directory.path() / "no"); }).code(),
            ErrorCode::input);
  EXPECT_EQ(test::error_of([&] { inspect_dump(directory.write("e", "")); }).code(),
            ErrorCode::input);
  EXPECT_EQ(test::error_of([&] { inspect_dump(directory.path()); }).code(), ErrorCode::input);
  const Error plain = test::error_of(
      [&] { inspect_dump(directory.write("p", "--\n-- PostgreSQL database dump\n--\n")); });
  EXPECT_EQ(plain.code(), ErrorCode::unsupported);
  EXPECT_NE(plain.hint().find("-Fc"), std::string::npos);
  EXPECT_EQ(test::error_of([&] {
              inspect_dump(directory.write("g", "\x1f\x8b\x08" + std::string(9, 'x')));
            }).code(),
            ErrorCode::unsupported);
}

}  // namespace
}  // namespace pgcycle::dump
