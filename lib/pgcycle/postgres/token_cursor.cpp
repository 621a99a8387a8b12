#include "pgcycle/postgres/token_cursor.hpp"

#include <algorithm>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::postgres {

bool TokenCursor::take(std::string_view word) {
  if (!is(word)) return false;
  ++at_;
  return true;
}

void TokenCursor::take_if_exists() {
  if (take("if")) take("exists");
}

std::string TokenCursor::take_name() {
  std::string sql;
  while (!at_end() && tokens_[at_].is_name()) {
    sql += quote_identifier(tokens_[at_++].text);
    if (!take(".")) break;
    sql += ".";
  }
  return sql;
}

bool TokenCursor::has(std::size_t index) {
  constexpr std::size_t kFew = 4;
  while (index >= tokens_.size() && read_ < most_ && tokens_.size() == read_) {
    read_ = std::min(most_, std::max(kFew, 4 * read_));
    tokens_ = tokens_of(statement_, read_);
  }
  return index < tokens_.size();
}

bool TokenCursor::contains(std::string_view word) {
  has(most_);
  return std::any_of(tokens_.begin(), tokens_.end(),
                     [word](const SqlToken& token) { return token.is(word); });
}

}  // namespace pgcycle::postgres
