// A place in a statement's tokens, for reading its first words.
//
// Thread rule: one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/postgres/sql_lexer.hpp"

namespace pgcycle::postgres {

class TokenCursor {
 public:
  // The statement's first `most` tokens.
  TokenCursor(std::string_view statement, std::size_t most) : statement_(statement), most_(most) {}

  bool at_end() { return !has(at_); }
  const SqlToken& operator*() const { return tokens_[at_]; }
  void advance() { ++at_; }
  // Whether this word stands here, or `ahead` tokens further on.
  bool is(std::string_view word, std::size_t ahead = 0) {
    return has(at_ + ahead) && tokens_[at_ + ahead].is(word);
  }
  // Goes past the word if it stands here.
  bool take(std::string_view word);
  void take_if_exists();
  // A name that may be qualified, quoted as SQL; empty where none stands.
  std::string take_name();
  // Whether the word stands anywhere in the statement.
  bool contains(std::string_view word);
  // Whether just this one stands behind.
  bool is_last() { return has(at_) && !has(at_ + 1); }

 private:
  // Most statements are told by few tokens, so that the others are read when they are asked for.
  bool has(std::size_t index);

  std::string_view statement_;
  std::size_t most_;
  std::size_t read_ = 0;  // how many were asked for
  std::vector<SqlToken> tokens_;
  std::size_t at_ = 0;
};

}  // namespace pgcycle::postgres
