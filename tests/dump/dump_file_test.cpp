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

TEST(InspectDump, RefusesWhatIsNone) {
  const TestDirectory directory;
  EXPECT_EQ(test::error_of([&] { inspect_dump(directory.path() / "no"); }).code(),
            ErrorCode::input);
  EXPECT_EQ(test::error_of([&] { inspect_dump(directory.write("e", "")); }).code(),
            ErrorCode::input);
  EXPECT_EQ(test::error_of([&] { inspect_dump(directory.path()); }).code(), ErrorCode::input);
}

TEST(InspectDump, KnowsPlainAndCompressedDumps) {
  const TestDirectory directory;
  EXPECT_EQ(inspect_dump(directory.write("p", "--\n-- PostgreSQL database dump\n--\n")).format,
            DumpFormat::plain);
  const DumpFile gzip = inspect_dump(directory.write("g", "\x1f\x8b\x08" + std::string(9, 'x')));
  EXPECT_EQ(gzip.compression, Compression::gzip);
  EXPECT_EQ(form_of(gzip), "gzip");
}

}  // namespace
}  // namespace pgcycle::dump
