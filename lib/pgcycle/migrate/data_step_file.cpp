#include "pgcycle/migrate/data_step_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

using Kind = JsonValue::Kind;

DataStepFile::DataStepFile(const catalog::Schema& schema, const std::filesystem::path& file)
    : schema_(schema), root_(parse_json(read_file(file), file.string())) {
  if (!root_.is(Kind::object)) {
    throw Error(ErrorCode::input, "a data step is an object").at(root_.place);
  }
}

void DataStepFile::only(const JsonValue& object, const std::vector<std::string>& keys) {
  for (std::size_t i = 0; i < object.keys.size(); ++i) {
    if (std::find(keys.begin(), keys.end(), object.keys[i]) != keys.end()) continue;
    throw Error(ErrorCode::input, fmt::format("unknown key \"{}\"", object.keys[i]))
        .at(object.key_places[i])
        .hint(did_you_mean(object.keys[i], keys,
                           fmt::format("the keys here are {}", fmt::join(keys, ", "))));
  }
}

const JsonValue& DataStepFile::get(const JsonValue& object, std::string_view key, Kind kind) {
  const JsonValue* value = object.find(key);
  if (value != nullptr && value->is(kind)) return *value;
  throw Error(ErrorCode::input, fmt::format("\"{}\" must be {}", key, name_of(kind)))
      .at(value == nullptr ? object.place : value->place);
}

std::string DataStepFile::text(const JsonValue& object, std::string_view key,
                               const std::string& otherwise) {
  return object.find(key) == nullptr ? otherwise : get(object, key, Kind::string).text;
}

std::uint64_t DataStepFile::count(const JsonValue& object, std::string_view key,
                                  std::uint64_t otherwise) {
  if (object.find(key) == nullptr) return otherwise;
  const JsonValue& value = get(object, key, Kind::number);
  std::uint64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  if (std::from_chars(value.text.data(), end, number).ptr != end) {
    throw Error(ErrorCode::input, fmt::format("\"{}\" must be a whole number", key))
        .at(value.place);
  }
  return number;
}

const catalog::Table& DataStepFile::table(const JsonValue& object, std::string_view key) const {
  const JsonValue& name = get(object, key, Kind::string);
  try {
    return schema_.require_table(postgres::QualifiedName::parse(name.text));
  } catch (const Error& error) {
    throw Error(error).at(name.place);
  }
}

const catalog::Column& DataStepFile::column(const JsonValue& object, std::string_view key,
                                            const catalog::Table& table) {
  const JsonValue& name = get(object, key, Kind::string);
  return table.require_column(name.text, name.place);
}

QualifiedNamesOnly::QualifiedNamesOnly(postgres::Connection& connection)
    : connection_(connection),
      search_path_(connection.query("SELECT current_setting('search_path')").get(0, 0)) {
  connection_.execute("SET LOCAL search_path = ''");
}

void QualifiedNamesOnly::end() {
  connection_.query("SELECT set_config('search_path', $1, true)", {search_path_});
}

}  // namespace pgcycle::migrate
