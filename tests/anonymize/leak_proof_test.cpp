// The leak proof against planted values in every hiding place that it knows of.
#include "pgcycle/anonymize/leak_proof.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "pgcycle/anonymize/detector.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::anonymize {
namespace {

using test::TestDatabase;
using test::TestDirectory;

TEST(WordReader, FindsWordsInAnyDress) {
  WordReader reader("0123456789abcdef");
  const auto has = [&reader](std::string_view text, std::string_view word) {
    // The word by itself: letters, digits or two words.
    const std::vector<Word> wanted = reader.read(word);
    const std::uint64_t last = wanted.empty() ? 0 : wanted.back().fingerprint;
    const std::vector<Word> words = reader.read(text);
    return std::any_of(words.begin(), words.end(),
                       [last](const Word& each) { return each.fingerprint == last; });
  };
  EXPECT_TRUE(has("MÜLLER-Duarte, Ana", "müller"));
  EXPECT_TRUE(has("MÜLLER-Duarte, Ana", "duarte"));
  EXPECT_TRUE(has("one Li Wu two", "li wu"));
  EXPECT_FALSE(has("one Li, two Wu", "li wu"));
  EXPECT_TRUE(has("+351 912-345.678", "351912345678"));
  EXPECT_TRUE(has("+351 912-345.678", "912345678"));
  EXPECT_TRUE(has("call 912345678 now", "912345678"));
  EXPECT_TRUE(has("x%3Dana%20Duart%65", "duarte"));
  EXPECT_TRUE(has("x: QW5hIER1YXJ0ZQ==", "duarte"));
  EXPECT_TRUE(has("\\x416e6120447561727465", "duarte"));
  EXPECT_TRUE(has("D\\u0075arte", "duarte"));
  EXPECT_TRUE(has("ПОПОВА", "попова"));
  EXPECT_TRUE(has("key ab12cd34", "ab12cd34"));
  EXPECT_FALSE(has("key ab12cd34", "ab12cd35"));
  EXPECT_TRUE(reader.read("a 12 345 b").empty());
}

TEST(Detector, TellsKindsApart) {
  const auto kinds = [](std::string_view text) {
    std::set<std::string> out;
    for (const Detection& detection : detect_in_text(text)) {
      out.insert(std::string(name_of(detection.kind)));
    }
    return out;
  };
  EXPECT_TRUE(kinds("write to ana.duarte@mail.pt!").contains("email"));
  EXPECT_FALSE(kinds("write to ana@example.org").contains("email"));
  EXPECT_FALSE(kinds("at 5@noon").contains("email"));
  EXPECT_TRUE(kinds("DE89 3704 0044 0532 0130 00").contains("iban"));
  EXPECT_TRUE(kinds("to DE89370400440532013000.").contains("iban") ||
              kinds("to DE89370400440532013000 ").contains("iban"));
  EXPECT_FALSE(kinds("DE88370400440532013000").contains("iban"));
  EXPECT_TRUE(kinds("4111-1111-1111-1111").contains("card"));
  EXPECT_FALSE(kinds("4111-1111-1111-1112").contains("card"));
  EXPECT_TRUE(kinds("+49 30 901820 33").contains("phone"));
  EXPECT_TRUE(kinds("078-05-1120").contains("national_id"));
  EXPECT_TRUE(kinds("84.17.3.9").contains("ip"));
  EXPECT_TRUE(kinds("2001:db8:1::5").contains("ip"));
  EXPECT_TRUE(kinds("https://a.pt/x").contains("url"));
  EXPECT_TRUE(kinds("Maria Duarte").contains("person_name"));
  EXPECT_TRUE(kinds("12 Rue Victor").contains("street_address"));
  EXPECT_TRUE(kinds("3f2504e0-4f89-41d3-9a0c-0305e82c3301").contains("uuid"));
  EXPECT_TRUE(kinds("sk_live_9aF3kLm20PqR7sTuVwXyZ").contains("secret"));
  EXPECT_TRUE(kinds("the pupil was late again and had no book").contains("free_text"));
  EXPECT_TRUE(kinds("blue").empty());
}

// A table of people whose names are masked, and one column that is kept.
class LeakProofTest : public testing::Test {
 protected:
  LeakReport report_of(const std::string& type, const std::vector<std::string>& kept,
                       const std::string& rule = "\"keep\"",
                       const std::vector<std::string>& nobodys = {}) {
    const TestDatabase database;
    database.run(fmt::format(
        "CREATE TYPE pair AS (a text, b int); CREATE TABLE people (id int PRIMARY KEY, name text, "
        "email text, phone text); CREATE TABLE others (id int PRIMARY KEY, value {})",
        type));
    const catalog::Schema schema = database.schema();
    const catalog::Table& people = *schema.find_table({"public", "people"});
    const catalog::Table& others = *schema.find_table({"public", "others"});
    const Config config =
        Config::load(directory_.write("pgcycle.json", fmt::format(R"({{"anonymize": {{"rules": {{
          "*.*.name": "person_name", "*.*.email": "email", "*.*.phone": "phone",
          "public.others.value": {}}}}}}})",
                                                                  rule)),
                     test::process_environment());
    const AnonymizationPlan plan =
        make_plan(schema, {&people, &others}, RuleSet::from_config(config),
                  PseudonymKey::from_hex(std::string(64, 'a')));
    LeakProof proof(directory_.path(), 100, nobodys);
    const auto read = [&](bool locate) {
      const auto listen = [&](const catalog::Table& table) {
        return locate ? proof.locate(schema, table, plan) : proof.record(schema, table, plan);
      };
      const auto people_recorder = listen(people);
      std::vector<std::optional<std::string_view>> row{"1", name_, "amalia.quintela77@mail.pt",
                                                       "+351 912 345 678"};
      for (std::size_t i = 1; i < row.size(); ++i) {
        people_recorder->begin_column(i);
        const std::string column = people.columns[i].name;
        plan.column(people.name, column).mask(*row[i], {row, people_recorder.get()});
      }
      people_recorder->end_row();
      const auto recorder = listen(others);
      for (std::size_t i = 0; i < kept.size(); ++i) {
        recorder->begin_row(fmt::format("id = {}", i));
        recorder->begin_column(1);
        const ColumnPlan& column = plan.column(others.name, "value");
        if (column.mask) {
          column.mask(kept[i], {{}, recorder.get()});
        } else if (recorder->listens(1)) {
          recorder->kept(kept[i]);
        }
        recorder->end_row();
      }
    };
    read(false);
    if (proof.has_suspects()) read(true);
    return proof.report();
  }

  TestDirectory directory_;
  std::string name_ = "Amália Duarte-Quintela";
};

TEST_F(LeakProofTest, FindsPlantedValuesInEveryHidingPlace) {
  const std::vector<std::pair<std::string, std::string>> kPlaces{
      {"text", "a note on Quintela"},
      {"text", "AMÁLIA was here"},
      {"text", "mail amalia.quintela77@mail.pt"},
      {"text", "?who=am%C3%A1lia&x=1"},
      {"text", "aW4gdGhlIG5hbWUgb2YgUXVpbnRlbGE="},
      {"text", "token QW3DoWxpYSBEdWFydGU"},
      {"text", "912345678"},
      {"text", "(0)912-345-678"},
      {"text", "-- owner: quintela"},
      {"bytea", "\\x7175696e74656c61"},
      {"text[]", "{none,\"{quintela}\"}"},
      {"jsonb", R"({"a": [{"quintela": 1}]})"},
      {"json", R"({"a": [[["D\u0075arte"]]]})"},
      {"pair", "(\"for Duarte\",7)"},
      {"bigint", "351912345678"},
      {"numeric", "912345678"},
      {"xml", "<p>Duarte</p>"},
      {"tsvector", "'quintela':3"},
  };
  for (const auto& [type, value] : kPlaces) {
    const std::vector<std::string> rows{"7", value, "8"};
    const LeakReport report = report_of(type, rows);
    ASSERT_EQ(report.leaks.empty(), false) << type << ": " << value;
    EXPECT_EQ(report.leaks[0].column, "public.others.value");
    EXPECT_EQ(report.leaks[0].row, "id = 1");
    const Error error = test::error_of([&] { raise_leaks(report); });
    EXPECT_EQ(error.exit_status(), 4);
    const std::string text = format_error("p", error);
    for (const char* part : {"uintela", "uarte", "912", "mália"}) {
      EXPECT_EQ(text.find(part), std::string::npos) << text;
    }
  }
}

TEST_F(LeakProofTest, FindsThemInJsonThatIsKeptInPart) {
  const std::string rule = R"({"json": {"$.owner": "person_name", "$.note": "keep"}})";
  EXPECT_FALSE(report_of("jsonb", {R"({"owner": "X", "note": "ask Duarte"})"}, rule).leaks.empty());
  EXPECT_FALSE(report_of("jsonb", {R"({"owner": "X", "duarte": 1})"}, rule).leaks.empty());
  EXPECT_TRUE(
      report_of("jsonb", {R"({"owner": "Duarte", "note": "ask her"})"}, rule).leaks.empty());
}

TEST_F(LeakProofTest, StaysSilentWhereNothingLeaks) {
  for (const auto& [type, value] :
       std::vector<std::pair<std::string, std::string>>{{"text", "the pupil was late"},
                                                        {"text", "mail"},
                                                        {"jsonb", R"({"a": "b"})"},
                                                        {"bytea", "\\x00ff00ff00ff00ff"},
                                                        {"text", "9123456"},
                                                        {"date", "1912-03-04"}}) {
    const LeakReport report = report_of(type, {value});
    EXPECT_TRUE(report.leaks.empty()) << value;
    EXPECT_TRUE(report.proven);
    EXPECT_NO_THROW(raise_leaks(report));
  }
}

TEST_F(LeakProofTest, LeavesOutWhatIsTooCommon) {
  EXPECT_TRUE(report_of("text", {"Duarte"}, "\"keep\"", {"Duarte"}).leaks.empty());
  // The vocabulary of a column: a word of 20 rows and more.
  const LeakReport report = report_of("text", std::vector<std::string>(25, "Rua Duarte"));
  EXPECT_TRUE(report.leaks.empty());
  EXPECT_GT(report.too_common, 0U);
  EXPECT_FALSE(report_of("text", std::vector<std::string>(4, "Rua Duarte")).leaks.empty());
}

TEST_F(LeakProofTest, CountsValuesAndRowsAndNotHowOftenTheySayAWord) {
  EXPECT_FALSE(report_of("text", {"none", "Duarte, Duarte and Duarte; then Duarte, Duarte, Duarte"})
                   .leaks.empty());
  name_.clear();
  for (int i = 0; i < 25; ++i) name_ += "Quintela ";
  EXPECT_FALSE(report_of("text", {"none", "for quintela"}).leaks.empty());
}

TEST_F(LeakProofTest, RefusesWhatIsUnmistakableInKeptText) {
  const LeakReport report = report_of("text", {"none", "ask bob.miller@corp.io"});
  ASSERT_EQ(report.leaks.size(), 1U);
  EXPECT_EQ(report.leaks[0].row, "id = 1");
  EXPECT_EQ(report.leaks[0].what, "an e-mail address, and the rule is \"keep\"");
  EXPECT_TRUE(
      report_of("text", {"ask bob.miller@corp.io"}, R"({"generator": "keep", "holds": "email"})")
          .leaks.empty());
  EXPECT_FALSE(report_of("text", {"GB82 WEST 1234 5698 7654 32"}).leaks.empty());
  EXPECT_FALSE(report_of("text", {"card 4111 1111 1111 1111"}).leaks.empty());
}

}  // namespace
}  // namespace pgcycle::anonymize
