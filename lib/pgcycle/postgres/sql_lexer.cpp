#include "pgcycle/postgres/sql_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/support/utf8.hpp"

namespace pgcycle::postgres {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_word(char c) { return starts_word(c) || (c >= '0' && c <= '9') || c == '$'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

class Splitter {
 public:
  Splitter(std::string_view text, const std::string& file) : text_(text), file_(file) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // byte order mark
  }

  SqlFile run() {
    while (at_ < text_.size()) step();
    if (statement_start_ != kNone) end_statement(text_.size());
    out_.trailing_comments = std::move(comments_);
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::string_view rest() const { return text_.substr(at_); }

  Location place_of(std::size_t offset) const {
    const std::string_view before = text_.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t newline = before.rfind('\n');
    const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    return {file_, static_cast<int>(line),
            static_cast<int>(count_code_points(before.substr(start))) + 1};
  }

  [[noreturn]] void unterminated(const char* what, std::size_t start) const {
    throw Error(ErrorCode::input, fmt::format("unterminated {}", what))
        .at(place_of(start))
        .hint("close it, or check for a quote left over above");
  }

  void step() {
    const char c = text_[at_];
    if (is_space(c)) {
      ++at_;
    } else if (rest().starts_with("--")) {
      line_comment();
    } else if (rest().starts_with("/*")) {
      block_comment();
    } else if (c == '\\') {
      backslash_command();
    } else {
      token();
    }
  }

  void line_comment() {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view comment = text_.substr(at_ + 2, end - at_ - 2);
    if (!comment.empty() && comment.back() == '\r') comment.remove_suffix(1);
    comments_.push_back({std::string(comment), place_of(at_)});
    at_ = end;
  }

  void block_comment() {
    const std::size_t start = at_;
    int depth = 0;
    do {
      if (at_ >= text_.size()) unterminated("comment", start);
      if (rest().starts_with("/*")) {
        ++depth;
        at_ += 2;
      } else if (rest().starts_with("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0);
  }

  void backslash_command() {
    const std::size_t end = std::min(text_.find_first_of(" \t\r\n", at_), text_.size());
    const std::string name(text_.substr(at_, end - at_));
    if (name != "\\restrict" && name != "\\unrestrict") {
      throw Error(ErrorCode::unsupported,
                  fmt::format("the psql command {} is not in this version", name))
          .at(place_of(at_))
          .hint("write plain SQL, or run psql in a script step");
    }
    at_ = std::min(text_.find('\n', at_), text_.size());
  }

  void token() {
    if (text_[at_] == ';' && statement_start_ == kNone) {
      ++at_;
      return;
    }
    if (statement_start_ == kNone) begin_statement();
    const char c = text_[at_];
    if (c == ';' && parentheses_ == 0 && begin_depth_ == 0) {
      end_statement(at_++);
      take_copy_data();
    } else if (c == '\'') {
      quoted('\'', false);
    } else if (c == '"') {
      quoted('"', false);
    } else if (c == '$') {
      dollar();
    } else if (starts_word(c)) {
      word();
    } else {
      if (c == '(') ++parentheses_;
      if (c == ')' && parentheses_ > 0) --parentheses_;
      ++at_;
    }
  }

  void begin_statement() {
    statement_start_ = at_;
    parentheses_ = 0;
    begin_depth_ = 0;
    words_.clear();
  }

  void end_statement(std::size_t end) {
    std::string_view body = text_.substr(statement_start_, end - statement_start_);
    while (!body.empty() && is_space(body.back())) body.remove_suffix(1);
    out_.statements.push_back(
        {std::string(body), place_of(statement_start_), std::move(comments_), std::nullopt});
    comments_.clear();
    statement_start_ = kNone;
  }

  void quoted(char quote, bool backslashes) {
    const std::size_t start = at_++;
    for (;; ++at_) {
      if (at_ >= text_.size()) unterminated(quote == '"' ? "quoted name" : "string", start);
      if (backslashes && text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == quote) {
        if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
          ++at_;
        } else {
          ++at_;
          return;
        }
      }
    }
  }

  void dollar() {
    std::size_t end = at_ + 1;
    if (end < text_.size() && starts_word(text_[end])) {
      while (end < text_.size() && continues_word(text_[end]) && text_[end] != '$') ++end;
    }
    if (end >= text_.size() || text_[end] != '$') {  // a parameter like $1
      ++at_;
      return;
    }
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const std::size_t close = text_.find(tag, end + 1);
    if (close == std::string_view::npos) unterminated("dollar-quoted string", at_);
    at_ = close + tag.size();
  }

  void word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
    const std::string name = lower(text_.substr(start, at_ - start));
    const bool quote_follows = at_ < text_.size() && text_[at_] == '\'';
    if (quote_follows && (name == "e" || name == "b" || name == "x" || name == "n")) {
      quoted('\'', name == "e");
      return;
    }
    if (words_.size() < 4) words_.push_back(name);
    if (!is_routine()) return;
    if (name == "begin") {
      if (atomic_follows() || begin_depth_ > 0) ++begin_depth_;
    } else if (name == "case" && begin_depth_ > 0) {
      ++begin_depth_;
    } else if (name == "end" && begin_depth_ > 0) {
      --begin_depth_;
    }
  }

  bool is_routine() const {
    if (words_.empty() || words_[0] != "create") return false;
    const std::size_t kind = words_.size() > 1 && words_[1] == "or" ? 3 : 1;
    return words_.size() > kind && (words_[kind] == "function" || words_[kind] == "procedure");
  }

  bool atomic_follows() const {
    std::size_t next = at_;
    while (next < text_.size() && is_space(text_[next])) ++next;
    return lower(text_.substr(next, 6)) == "atomic";
  }

  // COPY … FROM STDIN is followed by rows up to a line of `\.`.
  void take_copy_data() {
    SqlStatement& statement = out_.statements.back();
    if (words_.empty() || words_[0] != "copy") return;
    const std::string head = lower(statement.text);
    const std::size_t from = head.rfind("from");
    if (from == std::string::npos || head.find("stdin", from) == std::string::npos) return;
    std::size_t start = std::min(text_.find('\n', at_), text_.size());
    start = std::min(start + 1, text_.size());
    std::size_t line = start;
    for (;;) {
      if (line >= text_.size()) {
        throw Error(ErrorCode::input, "the rows of COPY have no end")
            .at(statement.place)
            .hint("end them with a line that holds \\. alone");
      }
      const std::size_t end = std::min(text_.find('\n', line), text_.size());
      std::string_view row = text_.substr(line, end - line);
      if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
      if (row == "\\.") {
        statement.copy_data = std::string(text_.substr(start, line - start));
        at_ = end;
        return;
      }
      line = end + 1;
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::size_t statement_start_ = kNone;
  int parentheses_ = 0;
  int begin_depth_ = 0;
  std::vector<std::string> words_;  // the first few of the statement
  std::vector<SqlComment> comments_;
  SqlFile out_;
};

}  // namespace

SqlFile split_sql(std::string_view text, const std::string& file) {
  return Splitter(text, file).run();
}

Location place_in_statement(const SqlStatement& statement, int position) {
  Location place = statement.place;
  std::size_t i = 0;
  for (int character = 1; character < position && i < statement.text.size(); ++character) {
    if (next_code_point(statement.text, i) == U'\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

}  // namespace pgcycle::postgres
