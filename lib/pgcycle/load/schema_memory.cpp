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

Json json_of(const std::vector<Result>& answers) {
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
  return out;
}

// Throws where the text is not what `json_of` makes.
std::vector<Result> answers_of(const std::string& text) {
  simdjson::dom::parser parser;
  std::vector<Result> out;
  for (const simdjson::dom::element answer : parser.parse(text).get_array()) {
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
  return out;
}

}  // namespace

catalog::Schema remembered_schema(postgres::Connection& connection, catalog::SchemaDetail detail,
                                  const Definitions& definitions, const fs::path& directory) {
  std::vector<postgres::Statement> questions;
  Sha256 hash;
  hash.update(fmt::format("{}\n{}\n{}\n{}\n", definitions.columns, definitions.others,
                          definitions.role, connection.server_version()));
  for (std::string& query : catalog::schema_queries(detail)) {
    hash.update(query);
    questions.push_back({std::move(query), {}});
  }
  const fs::path file =
      directory / fmt::format("{}{}.json", kSchemaFilePrefix, to_hex(hash.finish()));
  const auto read = [&](const std::vector<Result>& answers) {
    return catalog::schema_of(answers, connection.database(), connection.server_version());
  };
  try {
    if (fs::exists(file)) {
      const std::vector<Result> answers = answers_of(read_file(file));
      if (answers.size() == questions.size()) return read(answers);
    }
  } catch (const std::exception&) {
    // Not as it was written: the server is asked.
  }
  const std::vector<Result> answers = connection.query_all(questions);
  catalog::Schema schema = read(answers);
  // What somebody defined anew meanwhile must not go under the old name: clones still have that.
  if (definitions_of(connection) != definitions) return schema;
  try {
    fs::create_directories(directory);
    write_cache_file(file, json_of(answers).dump(), kMostFiles,
                     [](std::string_view name) { return name.starts_with(kSchemaFilePrefix); });
  } catch (const std::exception&) {
    // It is read again the next time.
  }
  return schema;
}

}  // namespace pgcycle::load
