#include "pgcycle/postgres/copy_text.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/container_text.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::postgres {
namespace {

using test::TestDatabase;
using Values = std::vector<std::optional<std::string>>;

// Text full of what COPY, arrays and composites must escape.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces{
      "\\", "\t", "\n", "\r", "\\N", "\\.", "NULL", "\"",   ",",    "{",  "}",  "(",
      ")",  " ",  "é",  "漢", "👍",   "a",   "0",    "\x01", "\x7f", "\b", "\f", "\v"};
  std::string out;
  for (auto n = random() % 6; n > 0; --n) {
    out += kPieces[random() % kPieces.size()];
    if (random() % 4 == 0) out.append(random() % 40, 'x');  // longer than a block of the writer
  }
  return out;
}

TEST(CopyText, EscapesAtEveryPlaceOfEveryLength) {
  for (std::size_t length = 1; length <= 40; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (const auto& [c, escaped] : {std::pair{'\\', "\\\\"},
                                       {'\n', "\\n"},
                                       {'\r', "\\r"},
                                       {'\t', "\\t"},
                                       {'\b', "\b"},
                                       {'\x0e', "\x0e"},
                                       {'\x8d', "\x8d"},
                                       {'[', "["}}) {
        std::string text(length, 'x');
        text[place] = static_cast<char>(c);
        std::string wanted = "before" + std::string(length, 'x');
        wanted.replace(6 + place, 1, escaped);
        std::string out = "before";
        append_copy_field(out, text);
        ASSERT_EQ(out, wanted) << length << " " << place;
      }
    }
  }
}

TEST(CopyText, ReadsAndWritesWhatTheServerDoes) {
  std::mt19937 random(test::test_seed());
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TABLE public.t (n int, a text, b text)");
  std::vector<Values> rows;
  for (int i = 0; i < 2000; ++i) {
    Values row{std::to_string(i), random_text(random), std::nullopt};
    if (random() % 3 != 0) row[2] = random_text(random);
    rows.push_back(row);
  }
  std::size_t next = 0;
  connection.copy_in("COPY public.t FROM STDIN", [&](std::string& out) {
    if (next == rows.size()) return false;
    const Values& row = rows[next++];
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out.push_back('\t');
      if (row[i]) {
        append_copy_field(out, *row[i]);
      } else {
        append_copy_null(out);
      }
    }
    out.push_back('\n');
    return true;
  });
  // What the server holds is what was meant …
  const Result held = connection.query("SELECT a, b FROM public.t ORDER BY n");
  ASSERT_EQ(held.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(held.text(i, 0), *rows[i][1]);
    ASSERT_EQ(held.is_null(i, 1), !rows[i][2].has_value());
    ASSERT_EQ(held.text(i, 1), rows[i][2].value_or(""));
  }
  // … and what it writes is read as that.
  std::size_t read = 0;
  CopyTextRow fields;
  connection.copy_out("COPY (SELECT n, a, b FROM public.t ORDER BY n) TO STDOUT",
                      [&](std::string_view block) {
                        for_each_copy_row(block, [&](std::string_view line) {
                          fields.parse(line);
                          ASSERT_EQ(fields.size(), 3U);
                          const Values& row = rows[read++];
                          for (std::size_t i = 0; i < 3; ++i) {
                            ASSERT_EQ(fields[i].has_value(), row[i].has_value());
                            ASSERT_EQ(fields[i].value_or(""), row[i].value_or(""));
                          }
                        });
                      });
  EXPECT_EQ(read, rows.size());
}

TEST(ContainerText, WritesArraysAndCompositesAsTheServerDoes) {
  std::mt19937 random(test::test_seed());
  const TestDatabase database;
  auto connection = database.connect();
  connection.execute("CREATE TYPE public.pair AS (a text, b text)");
  for (int i = 0; i < 300; ++i) {
    std::vector<ContainerItem> items;
    for (auto n = random() % 4; n > 0; --n) {
      items.push_back(random() % 4 == 0 ? std::nullopt : ContainerItem(random_text(random)));
    }
    const std::string array = format_array(items, ',');
    const Result result = connection.query("SELECT $1::text[]::text", {array});
    ASSERT_EQ(result.get(0, 0), array);
    ASSERT_EQ(parse_simple_array(array, ','), items);

    items.resize(2);
    const std::string composite = format_composite(items);
    ASSERT_EQ(connection.query("SELECT $1::public.pair::text", {composite}).get(0, 0), composite);
    ASSERT_EQ(parse_composite(composite), items);
  }
}

TEST(ContainerText, KnowsSimpleArraysFromOthers) {
  EXPECT_TRUE(parse_simple_array("{}", ',').has_value());
  EXPECT_FALSE(parse_simple_array("{{1},{2}}", ',').has_value());
  EXPECT_FALSE(parse_simple_array("[0:1]={1,2}", ',').has_value());
  const auto upper = [](const ContainerItem& item) -> ContainerItem {
    return item ? ContainerItem("<" + *item + ">") : std::nullopt;
  };
  EXPECT_EQ(map_array("[0:1][1:2]={{a,NULL},{\"b c\",d}}", ',', upper),
            "[0:1][1:2]={{<a>,NULL},{\"<b c>\",<d>}}");
}

}  // namespace
}  // namespace pgcycle::postgres
