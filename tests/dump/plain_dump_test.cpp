#include "pgcycle/dump/plain_dump.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/test_server.hpp"

namespace pgcycle::dump {
namespace {

std::string passed(const std::string& text) {
  PlainDumpFilter filter("d.sql");
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    out.append(filter.pass(line)).append("\n");
  }
  filter.finish();
  return out;
}

const std::string kEnd = "--\n-- PostgreSQL database dump complete\n--\n";

TEST(PlainDumpFilter, LeavesOutWhatWouldGoElsewhere) {
  const std::string text =
      "\\restrict abc\n"
      "DROP DATABASE shop;\n"
      "CREATE DATABASE shop WITH TEMPLATE = template0\n  ENCODING = 'UTF8';\n"
      "ALTER DATABASE shop OWNER TO bob;\n"
      "\\connect shop\n"
      "SET transaction_timeout = 0;\n"
      "CREATE TABLE public.t (x int);\n"
      "ALTER TABLE public.t OWNER TO bob;\n"
      "GRANT ALL ON TABLE public.t TO\n  alice;\n"
      "SELECT 1;\n"
      "\\unrestrict abc\n";
  EXPECT_EQ(passed(text + kEnd),
            "\n\n\n\n\n\n\nCREATE TABLE public.t (x int);\n\n\n\nSELECT 1;\n\n" + kEnd);
}

TEST(PlainDumpFilter, KeepsWhatOnlyLooksSo) {
  const std::string text =
      "COPY public.t (x) FROM stdin;\n"
      "GRANT me a wish;\n\\connect\n\\N\nDROP DATABASE x;\n"
      "\\.\n"
      "CREATE FUNCTION f() RETURNS void AS $_$\n"
      "DROP DATABASE x;\nALTER TABLE t OWNER TO bob;\n\\connect y\n$other$\n"
      "$_$ LANGUAGE sql;\n"
      "INSERT INTO t VALUES ('\nGRANT x TO y;\n''\n', E'\\'\nREVOKE a;\n', \"\nGRANT;\n\" /* "
      "'\nGRANT; /* */\n*/);\n"
      "SELECT $1;\n";
  EXPECT_EQ(passed(text + kEnd), text + kEnd);
}

TEST(PlainDumpFilter, RefusesCommandsThatRunPrograms) {
  for (const char* command :
       {"\\! rm -rf /", "\\i other.sql", "\\copy t from program 'x'", "\\o file", "\\set x"}) {
    const Error error =
        test::error_of([&] { passed(std::string("SELECT 1;\n") + command + "\n" + kEnd); });
    EXPECT_EQ(error.code(), ErrorCode::input) << command;
    EXPECT_EQ(error.location(), (Location{"d.sql", 2, 0})) << command;
  }
  EXPECT_THROW(passed("\\connect a\nSELECT 1;\n\\connect b\n" + kEnd), Error);
}

TEST(PlainDumpFilter, NoticesADumpThatIsCutShort) {
  for (const char* text : {"SELECT 1;\n", "COPY t FROM stdin;\n1\n", "SELECT 'open\n",
                           "-- PostgreSQL database dump complete\nSELECT 1\n"}) {
    EXPECT_EQ(test::error_of([&] { passed(text); }).code(), ErrorCode::step) << text;
  }
}

}  // namespace
}  // namespace pgcycle::dump
