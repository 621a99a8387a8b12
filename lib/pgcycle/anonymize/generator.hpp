// Generators: one original value in, one pseudonym out.
//
// A generator is a pure function of its key and its input. NULL and empty
// values never reach it. docs/anonymization.md lists them for users.
//
// Thread rule: immutable after construction, shared by threads.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/anonymize/pseudonym.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::anonymize {

// A generator by name with its options, as written in pgcycle.json.
struct GeneratorSpec {
  std::string name;
  std::map<std::string, JsonValue> options;
  Location place;
};

// What the column asks of the values: text longer than `max_length` characters
// must not come out.
struct ValueLimits {
  std::optional<std::size_t> max_length;
};

// Nothing stands for NULL.
using Generator = std::function<std::optional<std::string>(std::string_view input)>;

struct GeneratorTraits {
  std::string_view name;
  bool unique = false;  // distinct inputs have distinct outputs
  bool changes = true;  // false: the original value comes out
  std::string_view description;
  std::vector<std::string_view> options;
};

// The generator table, by name.
const std::vector<GeneratorTraits>& generators();
const GeneratorTraits* find_generator(std::string_view name);

// Throws Error{config} at the spec's place: unknown generator or option (with
// the nearest name), a bad option value, a limit too small to satisfy.
Generator make_generator(const GeneratorSpec& spec, const PseudonymKey& key,
                         const ValueLimits& limits);

}  // namespace pgcycle::anonymize
