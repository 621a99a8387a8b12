// The JSON Schema of pgcycle.json, made from the table of keys.
#include <fmt/format.h>

#include "pgcycle/config/config.hpp"

namespace pgcycle {

namespace {

std::string schema_of(const ConfigKey& key) {
  std::string description;
  append_json_string(description, key.description);
  std::string type = R"("type": "string")";
  if (key.type == ConfigType::strings) {
    type = R"("type": "array", "items": {"type": "string"})";
  } else if (key.type == ConfigType::count) {
    type = R"("type": "integer", "minimum": 0)";
  } else if (key.type == ConfigType::rules) {
    type = R"("type": "object", "additionalProperties": {"type": ["string", "object"]})";
  }
  std::string out = fmt::format("{{{}, \"description\": {}", type, description);
  if (!key.default_value.empty()) {
    std::string value;
    if (key.type == ConfigType::count) {
      value = key.default_value;
    } else {
      append_json_string(value, key.default_value);
    }
    out += ", \"default\": " + value;
  }
  return out + "}";
}

}  // namespace

std::string config_json_schema() {
  std::string properties;
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.path.find('.');
    const std::string_view parent = dot == std::string_view::npos ? "" : key.path.substr(0, dot);
    const std::string_view name =
        dot == std::string_view::npos ? key.path : key.path.substr(dot + 1);
    if (parent != section) {
      if (!section.empty()) properties += "\n    }}";
      if (!properties.empty()) properties += ",\n";
      section = parent;
      if (!section.empty()) {
        properties += fmt::format(
            "    \"{}\": {{\"type\": \"object\", \"additionalProperties\": false, "
            "\"properties\": {{\n",
            section);
      }
    } else if (!properties.empty()) {
      properties += ",\n";
    }
    properties +=
        fmt::format("{}\"{}\": {}", section.empty() ? "    " : "      ", name, schema_of(key));
  }
  if (!section.empty()) properties += "\n    }}";
  return fmt::format(
      "{{\n"
      "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
      "  \"title\": \"pgcycle.json\",\n"
      "  \"type\": \"object\",\n"
      "  \"additionalProperties\": false,\n"
      "  \"properties\": {{\n{}\n  }}\n}}\n",
      properties);
}

}  // namespace pgcycle
