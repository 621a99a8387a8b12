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
#include "pgcycle/anonymize/value_map.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::anonymize {

// A generator by name with its options, as written in pgcycle.json.
struct GeneratorSpec {
  std::string name;
  std::map<std::string, JsonValue> options;
  Location place;
};

// What the column asks of the values.
struct ValueLimits {
  std::optional<std::size_t> max_length = {};  // in characters
  bool unique = false;     // distinct inputs must have distinct outputs, by construction
  bool fold_case = false;  // and stay distinct in lower case; inputs that differ in case are one
  std::vector<std::string> columns = {};  // the stored columns of the table, for options
  std::string column = "a column";        // that is masked, for messages
};

using Generator = ValueMap;

// Whether distinct inputs have distinct outputs.
enum class Uniqueness {
  never,
  on_request,  // where ValueLimits ask for it
  always
};

// What a generator puts in place of the original.
enum class Output {
  drawn,   // a function of key and input: only by chance the value of somebody
  copied,  // text that is written as it stands: "keep", "fixed", a template's own words
};

struct GeneratorTraits {
  std::string name = {};
  Uniqueness unique = Uniqueness::never;
  Output output = Output::drawn;
  std::string description = {};
  std::vector<std::string> options = {};
};

using GeneratorFactory =
    std::function<Generator(const GeneratorSpec&, const PseudonymKey&, const ValueLimits&)>;

// Adds a generator of one's own, before any rule is read. Throws Error{usage} for a name
// that is taken.
void register_generator(GeneratorTraits traits, GeneratorFactory make);

// The generator table, by name.
std::vector<GeneratorTraits> generators();
const GeneratorTraits* find_generator(std::string_view name);
bool takes_option(std::string_view generator, std::string_view option);

// Throws Error{config} at the spec's place: unknown generator or option (with
// the nearest name), a bad option value, a limit too small to satisfy.
Generator make_generator(const GeneratorSpec& spec, const PseudonymKey& key,
                         const ValueLimits& limits);

}  // namespace pgcycle::anonymize
