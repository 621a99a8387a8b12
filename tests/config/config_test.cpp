#include "pgcycle/config/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "pgcycle/support/json_document.hpp"
#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

using test::TestDirectory;

Environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Config, IsFoundInAParentDirectory) {
  const TestDirectory directory;
  directory.write("pgcycle.json", R"({"database": {"name": "x"}, "dump": {"file": "d/a.dump"}})");
  directory.write("sub/deep/file", "");
  const Config config = Config::discover(directory.path() / "sub" / "deep", variables({}));
  EXPECT_EQ(config.text("database.name"), "x");
  EXPECT_EQ(config.path("dump.file"), directory.path() / "d" / "a.dump");
}

// Anybody may leave a file in a folder such as /tmp.
TEST(Config, OfAFolderThatStrangersShareIsReadOnlyThere) {
  const TestDirectory directory;
  directory.write("pgcycle.json", R"({"database": {"name": "x"}})");
  directory.write("sub/file", "");
  std::filesystem::permissions(directory.path(),
                               std::filesystem::perms::all | std::filesystem::perms::sticky_bit);
  EXPECT_FALSE(Config::discover(directory.path() / "sub", variables({})).has_file());
  EXPECT_TRUE(Config::discover(directory.path(), variables({})).has_file());
}

TEST(Config, WithoutAFileHasDefaults) {
  const TestDirectory directory;
  const Config config = Config::discover(directory.path(), variables({}));
  EXPECT_FALSE(config.has_file());
  EXPECT_EQ(config.path("fixtures.dir").filename(), "fixtures");
  EXPECT_EQ(config.duration_seconds("database.idleTimeout"), 1800);
  EXPECT_EQ(config.text("database.name"), std::nullopt);
}

TEST(Config, RefusesUnknownKeysAndWrongTypesAtOnce) {
  const TestDirectory directory;
  const auto file = directory.write("pgcycle.json", R"({
  "databse": {"url": "x"},
  "guard": {"allow": "x"}
})");
  const Error error = test::error_of([&] { Config::load(file, variables({})); });
  EXPECT_EQ(error.code(), ErrorCode::config);
  EXPECT_EQ(error.location().line, 2);
  EXPECT_NE(error.hint().find("database"), std::string::npos);
  ASSERT_EQ(error.also().size(), 1U);
  EXPECT_EQ(error.also()[0].location().line, 3);
}

TEST(Config, ANamedFileThatIsMissingIsFatal) {
  EXPECT_THROW(Config::load("/no/such/pgcycle.json", variables({})), Error);
}

TEST(Config, ExpandsVariablesWhenTheyAreAskedFor) {
  const TestDirectory directory;
  directory.write(".env", "# comment\nDB_NAME=from_file\nBOTH=file\n");
  const auto file = directory.write("pgcycle.json", R"({"envFile": ".env",
    "database": {"name": "${DB_NAME}_${BOTH}"}, "production": {"url": "${MISSING}"}})");
  const Config config = Config::load(file, variables({{"BOTH", "environment"}}));
  EXPECT_EQ(config.text("database.name"), "from_file_environment");
  EXPECT_EQ(config.text_if_set("production.url"), std::nullopt);
  const Error error = test::error_of([&] { static_cast<void>(config.text("production.url")); });
  EXPECT_NE(error.message().find("MISSING"), std::string::npos);
  EXPECT_EQ(error.location().line, 2);
}

TEST(Config, NeverShowsSecrets) {
  const TestDirectory directory;
  const auto file = directory.write(
      "pgcycle.json",
      R"({"database": {"url": "postgresql://u:s3cret@h/d"}, "anonymize": {"key": "abcdef"}})");
  for (const auto& shown : Config::load(file, variables({})).shown()) {
    EXPECT_EQ(shown.value.find("s3cret"), std::string::npos) << shown.path;
    EXPECT_EQ(shown.value.find("abcdef"), std::string::npos) << shown.path;
  }
}

TEST(Config, ReadsDurations) {
  EXPECT_EQ(parse_duration("90s"), 90);
  EXPECT_EQ(parse_duration("2h"), 7200);
  EXPECT_EQ(parse_duration("500ms"), 0.5);
  EXPECT_EQ(parse_duration("off"), 0);
  EXPECT_THROW(parse_duration("5 parsecs"), Error);
  EXPECT_THROW(parse_duration("-1s"), Error);
}

TEST(ConfigJsonSchema, DeclaresEveryKeyAndNothingElse) {
  const JsonValue schema = parse_json(config_json_schema(), "schema");
  std::set<std::string> declared;
  const auto collect = [&declared](const auto& self, const JsonValue& node,
                                   const std::string& prefix) -> void {
    const JsonValue* properties = node.find("properties");
    if (properties == nullptr) return;
    for (std::size_t i = 0; i < properties->keys.size(); ++i) {
      const std::string name = prefix + properties->keys[i];
      if (properties->items[i].find("properties") == nullptr) declared.insert(name);
      self(self, properties->items[i], name + ".");
    }
  };
  collect(collect, schema, "");
  std::set<std::string> keys;
  for (const ConfigKey& key : config_keys()) keys.insert(std::string(key.path));
  EXPECT_EQ(declared, keys);
}

}  // namespace
}  // namespace pgcycle
