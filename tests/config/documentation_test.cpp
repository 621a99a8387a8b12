// The documents that are made from the table of keys are those in docs/.
// PGCYCLE_UPDATE_DOCS=1 writes them anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "pgcycle/config/config.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle {
namespace {

const std::filesystem::path kDocs = PGCYCLE_SOURCE_DIRECTORY "/docs";

void expect_current(const std::string& file, const std::string& wanted) {
  if (std::getenv("PGCYCLE_UPDATE_DOCS") != nullptr) write_file_atomically(kDocs / file, wanted);
  EXPECT_EQ(read_file(kDocs / file), wanted) << "docs/" << file << " is not current";
}

TEST(Documentation, HasTheJsonSchemaOfTheKeys) {
  expect_current("pgcycle.schema.json", config_json_schema());
}

TEST(Documentation, ListsEveryKey) {
  const std::string head = "|---|---|---|\n";
  std::string page = read_file(kDocs / "configuration.md");
  page.resize(page.find(head) + head.size());
  for (const ConfigKey& key : config_keys()) {
    page += fmt::format("| `{}` | {} | {} |\n", key.path,
                        key.default_value.empty() ? "" : fmt::format("`{}`", key.default_value),
                        key.description);
  }
  expect_current("configuration.md", page);
}

}  // namespace
}  // namespace pgcycle
