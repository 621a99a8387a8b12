// Names by pattern.
#pragma once

#include <string_view>

namespace pgcycle {

// Whether the text is as the pattern says, in which `*` stands for any run of characters.
bool matches_wildcard(std::string_view pattern, std::string_view text);

}  // namespace pgcycle
