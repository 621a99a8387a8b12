#include "pgcycle/config/config_edit.hpp"

#include <gtest/gtest.h>

#include "pgcycle/support/json_document.hpp"
#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

const std::vector<NewMember> kRules{{"public.a.\"B\"", "\"email\""},
                                    {"public.a.j", R"({"json": {"$..x": "text"}})"}};

std::string added(std::string_view text) {
  return add_members(text, "pgcycle.json", {"anonymize", "rules"}, kRules);
}

TEST(AddMembers, KeepsWhatIsThere) {
  const std::vector<std::string> texts{
      "",
      "{}",
      "{\n  // a comment\n}\n",
      "{\"database\": {\"name\": \"x\"}} // the end\n",
      "{\n  \"database\": {\"name\": \"}{\"} // the last } one\n}\n",
      "{\"anonymize\": {}}",
      "{\"anonymize\": {\"key\": \"\\\"}\"}, \"x\": 1}",
      "{\"anonymize\": {\"rules\": {\n    \"a.b.c\": \"text\" // why }\n  }, \"key\": \"k\"}}",
      "{\"anonymize\": {\"rules\": { /* none } */ }}}"};
  for (const std::string& text : texts) {
    const JsonValue before = parse_json(text.empty() ? "{}" : text, "before");
    const std::string out = added(text);
    const JsonValue after = parse_json(out, "after");
    const JsonValue* rules = after.find("anonymize")->find("rules");
    ASSERT_NE(rules, nullptr) << out;
    EXPECT_EQ(rules->find("public.a.\"B\"")->text, "email");
    EXPECT_NE(rules->find("public.a.j")->find("json"), nullptr);
    for (const std::string& key : before.keys) EXPECT_NE(after.find(key), nullptr) << key;
    for (const char* comment :
         {"// a comment", "// the end", "// the last } one", "// why }", "/* none } */"}) {
      EXPECT_EQ(text.find(comment) == std::string::npos, out.find(comment) == std::string::npos)
          << out;
    }
  }
}

TEST(AddMembers, RefusesAPlaceThatIsNoObject) {
  const Error error = test::error_of([] { added("{\"anonymize\": {\"rules\": []}}"); });
  EXPECT_EQ(error.code(), ErrorCode::config);
  EXPECT_NE(error.location().line, 0);
}

}  // namespace
}  // namespace pgcycle
