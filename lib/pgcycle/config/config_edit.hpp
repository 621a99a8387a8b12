// Adding members to pgcycle.json without touching what people wrote: comments, order and
// layout stay.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgcycle {

// A member's name and its value as JSON.
using NewMember = std::pair<std::string, std::string>;

// Adds members to the object at `path`, which is made where it is missing. `text` is a JSON
// object with comments, or empty. Throws Error{config} where something else stands at `path`.
std::string add_members(std::string_view text, const std::string& file,
                        const std::vector<std::string>& path,
                        const std::vector<NewMember>& members);

}  // namespace pgcycle
