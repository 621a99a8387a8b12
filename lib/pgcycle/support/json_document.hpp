// JSON written by people: a small tree in which every value knows its place.
//
// For pgcycle.json, golden records and step files, whose errors must name
// file, line and column. Comments are allowed; numbers keep the digits as they
// were written. Fixtures, which are large, have a streaming reader of their own.
//
// Source: parsing is nlohmann_json's SAX parser; places are worked out from how
// far it has read at each event.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/support/error.hpp"

namespace pgcycle {

struct JsonValue {
  enum class Kind { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  std::string text;               // string: its value; number, boolean: as written
  std::vector<JsonValue> items;   // array: elements; object: member values
  std::vector<std::string> keys;  // object: member names, in the file's order
  std::vector<Location> key_places;
  Location place;

  bool is(Kind wanted) const { return kind == wanted; }
  // The member's value, or nullptr.
  const JsonValue* find(std::string_view key) const;
  // Compact JSON of this value.
  std::string to_json() const;
};

std::string_view name_of(JsonValue::Kind kind);

// Throws Error{input} with the place on malformed JSON or a repeated key.
JsonValue parse_json(std::string_view text, const std::string& file);

// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace pgcycle
