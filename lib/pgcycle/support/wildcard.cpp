#include "pgcycle/support/wildcard.hpp"

namespace pgcycle {

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*') {
    return !text.empty() && pattern.front() == text.front() &&
           matches_wildcard(pattern.substr(1), text.substr(1));
  }
  for (std::size_t skip = 0; skip <= text.size(); ++skip) {
    if (matches_wildcard(pattern.substr(1), text.substr(skip))) return true;
  }
  return false;
}

}  // namespace pgcycle
