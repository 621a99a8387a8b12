#include "pgcycle/load/schema_memory.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::load {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using postgres::Result;

namespace {

constexpr std::size_t kMostFiles = 10;

Json json_of(const std::vector<Result>& answers, int server_version) {
  Json out = Json::array();
  for (const Result& answer : answers) {
    Json rows = Json::array();
    for (std::size_t row = 0; row < answer.size(); ++row) {
      Json values = Json::array();
      for (std::size_t column = 0; column < answer.columns(); ++column) {
        values.push_back(answer.is_null(row, column) ? Json() : Json(answer.text(row, column)));
      }
      rows.push_back(std::move(values));
    }
    out.push_back(std::move(rows));
  }
  return {{"server_version", server_version}, {"answers", std::move(out)}};
}

// Throws where the file is not what `json_of` makes, or not of these questions.
catalog::Schema schema_in(const fs::path& file, const std::string& database,
                          std::size_t questions) {
  simdjson::dom::parser parser;
  const simdjson::dom::element stored = parser.parse(read_file(file));
  std::vector<Result> out;
  for (const simdjson::dom::element answer : stored["answers"].get_array()) {
    std::vector<Result::Row> rows;
    for (const simdjson::dom::element values : answer.get_array()) {
      Result::Row& row = rows.emplace_back();
      for (const simdjson::dom::element value : values.get_array()) {
        if (value.is_null()) {
          row.emplace_back();
        } else {
          row.emplace_back(std::string_view(value));
        }
      }
    }
    out.push_back(Result::of_rows(rows));
  }
  if (out.size() != questions) throw Error(ErrorCode::input, "other questions");
  return catalog::schema_of(out, database,
                            static_cast<int>(std::int64_t(stored["server_version"])));
}

fs::path file_of(const fs::path& directory, const std::string& key) {
  return directory / fmt::format("{}{}.json", kSchemaFilePrefix, key);
}

}  // namespace

std::string schema_key(const Definitions& definitions, catalog::SchemaDetail detail,
                       int server_version) {
  Sha256 hash;
  hash.update(fmt::format("{}\n{}\n{}\n{}\n", definitions.columns, definitions.others,
                          definitions.role, server_version));
  for (const std::string& query : catalog::schema_queries(detail)) hash.update(query);
  return to_hex(hash.finish());
}

LastSchema last_schema(const std::string& database, catalog::SchemaDetail detail,
                       const fs::path& directory) {
  fs::path newest;
  fs::file_time_type written = fs::file_time_type::min();
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.path().filename().native().starts_with(kSchemaFilePrefix)) continue;
    if (entry.last_write_time() < written) continue;
    newest = entry.path();
    written = entry.last_write_time();
  }
  const std::size_t questions = catalog::schema_queries(detail).size();
  return {schema_in(newest, database, questions),
          newest.stem().native().substr(kSchemaFilePrefix.size())};
}

catalog::Schema remembered_schema(postgres::Connection& connection, catalog::SchemaDetail detail,
                                  const Definitions& definitions, const fs::path& directory) {
  const int version = connection.server_version();
  const fs::path file = file_of(directory, schema_key(definitions, detail, version));
  std::vector<postgres::Statement> questions;
  for (std::string& query : catalog::schema_queries(detail)) {
    questions.push_back({std::move(query), {}});
  }
  try {
    if (fs::exists(file)) return schema_in(file, connection.database(), questions.size());
  } catch (const std::exception&) {
    // Not as it was written: the server is asked.
  }
  const std::vector<Result> answers = connection.query_all(questions);
  catalog::Schema schema = catalog::schema_of(answers, connection.database(), version);
  // What somebody defined anew meanwhile must not go under the old name: clones still have that.
  if (definitions_of(connection) != definitions) return schema;
  try {
    fs::create_directories(directory);
    write_cache_file(file, json_of(answers, version).dump(), kMostFiles,
                     [](std::string_view name) { return name.starts_with(kSchemaFilePrefix); });
  } catch (const std::exception&) {
    // It is read again the next time.
  }
  return schema;
}

}  // namespace pgcycle::load
