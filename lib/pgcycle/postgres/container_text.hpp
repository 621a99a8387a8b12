// PostgreSQL's text forms of arrays and composite values: taken apart and put
// together exactly as array_out and record_out do.
//
// Source: "Array Input and Output Syntax" and "Composite Type Input and Output
// Syntax" in PostgreSQL's documentation. Errors: Error{internal} on text that
// is not of the form.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle::postgres {

// An element or field; nothing for NULL.
using ContainerItem = std::optional<std::string>;

// The elements, when the array has one dimension with lower bound 1 or is
// empty; nothing for any other array.
std::optional<std::vector<ContainerItem>> parse_simple_array(std::string_view text, char delimiter);
std::string format_array(const std::vector<ContainerItem>& elements, char delimiter);

// Replaces every element, of arrays of any shape, by what `change` returns.
std::string map_array(std::string_view text, char delimiter,
                      const std::function<ContainerItem(const ContainerItem&)>& change);

std::vector<ContainerItem> parse_composite(std::string_view text);
std::string format_composite(const std::vector<ContainerItem>& fields);

}  // namespace pgcycle::postgres
