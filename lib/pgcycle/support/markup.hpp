// Text inside HTML and XML.
#pragma once

#include <string>
#include <string_view>

namespace pgcycle {

// With the characters that mean something in markup as entities, and control characters, which
// XML does not have, as question marks.
std::string escape_markup(std::string_view text);

}  // namespace pgcycle
