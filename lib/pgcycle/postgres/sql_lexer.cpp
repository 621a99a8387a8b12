#include "pgcycle/postgres/sql_lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::postgres {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostIncludes = 50;  // one inside the other

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool continues_word(char c) { return starts_word(c) || is_digit(c) || c == '$'; }
bool continues_variable(char c) { return starts_word(c) || is_digit(c); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

enum class Piece {
  space,
  line_comment,
  block_comment,
  word,
  quoted_name,
  string,
  dollar_string,
  symbol,
  unterminated_comment,
  unterminated_name,
  unterminated_string,
  unterminated_dollar_string
};

struct Scanned {
  Piece piece;
  std::size_t end;
};

std::size_t skip_while(std::string_view text, std::size_t at, bool (*belongs)(char)) {
  while (at < text.size() && belongs(text[at])) ++at;
  return at;
}

// Where a string goes on, past space with a newline in it and comments; npos if it does not.
std::size_t continuation_of(std::string_view text, std::size_t at) {
  bool newline = false;
  while (at < text.size()) {
    if (is_space(text[at])) {
      newline = newline || text[at] == '\n' || text[at] == '\r';
      ++at;
    } else if (text.substr(at, 2) == "--") {
      at = std::min(text.find('\n', at), text.size());
    } else {
      break;
    }
  }
  return newline && at < text.size() && text[at] == '\'' ? at : std::string_view::npos;
}

Scanned scan_quoted(std::string_view text, std::size_t at, char quote, bool backslashes) {
  const bool is_string = quote == '\'';
  for (++at;; ++at) {
    at =
        text.find_first_of(backslashes ? std::string_view("'\\") : std::string_view(&quote, 1), at);
    if (at == std::string_view::npos) {
      return {is_string ? Piece::unterminated_string : Piece::unterminated_name, text.size()};
    }
    const bool hides_next =
        text[at] == '\\' || text.substr(at + 1, 1) == std::string_view(&quote, 1);
    ++at;
    if (hides_next) continue;
    if (!is_string) return {Piece::quoted_name, at};
    const std::size_t next = continuation_of(text, at);
    if (next == std::string_view::npos) return {Piece::string, at};
    at = next;
  }
}

Scanned scan_dollar(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  if (end < text.size() && starts_word(text[end])) end = skip_while(text, end, continues_variable);
  if (end >= text.size() || text[end] != '$') {  // a parameter like $1
    return {Piece::symbol, skip_while(text, at + 1, is_digit)};
  }
  const std::string_view tag = text.substr(at, end + 1 - at);
  const std::size_t close = text.find(tag, end + 1);
  if (close == std::string_view::npos) return {Piece::unterminated_dollar_string, text.size()};
  return {Piece::dollar_string, close + tag.size()};
}

Scanned scan_block_comment(std::string_view text, std::size_t at) {
  int depth = 0;
  do {
    at = text.find_first_of("/*", at);
    if (at == std::string_view::npos) return {Piece::unterminated_comment, text.size()};
    if (text.substr(at, 2) == "/*") {
      ++depth;
      at += 2;
    } else if (text.substr(at, 2) == "*/") {
      --depth;
      at += 2;
    } else {
      ++at;
    }
  } while (depth > 0);
  return {Piece::block_comment, at};
}

// The piece of SQL that begins at `at`.
Scanned scan(std::string_view text, std::size_t at, bool standard_strings) {
  const char c = text[at];
  if (is_space(c)) return {Piece::space, skip_while(text, at, is_space)};
  if (c == '-' && text.substr(at, 2) == "--") {
    return {Piece::line_comment, std::min(text.find('\n', at), text.size())};
  }
  if (c == '/' && text.substr(at, 2) == "/*") return scan_block_comment(text, at);
  if (c == '\'') return scan_quoted(text, at, '\'', !standard_strings);
  if (c == '"') return scan_quoted(text, at, '"', false);
  if (c == '$') return scan_dollar(text, at);
  if (starts_word(c)) {
    const std::size_t end = skip_while(text, at, continues_word);
    if (end == at + 1 && end < text.size() && text[end] == '\'') {
      if (c == 'e' || c == 'E') return scan_quoted(text, end, '\'', true);
      if (c == 'n' || c == 'N') return scan_quoted(text, end, '\'', !standard_strings);
      if (std::string_view("bBxX").find(c) != std::string_view::npos) {
        return scan_quoted(text, end, '\'', false);
      }
    }
    const bool unicode = end == at + 1 && (c == 'u' || c == 'U') && text.substr(end, 2) == "&'";
    if (unicode) return scan_quoted(text, end + 1, '\'', false);
    return {Piece::word, end};
  }
  if (is_digit(c)) return {Piece::symbol, skip_while(text, at, is_digit)};
  return {Piece::symbol, at + 1};
}

// Text that is being read: a file, or the value of a variable.
struct Source {
  std::string owned;  // empty: the text is the caller's
  std::string_view text;
  std::string file;
  std::optional<Location> variable;  // where the variable stands whose value this is
  std::size_t at = 0;
  std::size_t counted = 0;  // up to where lines are counted
  int line = 1;
  std::size_t line_start = 0;

  Location place_of(std::size_t offset) {
    if (variable) return *variable;
    if (offset < counted) {
      counted = 0;
      line = 1;
      line_start = 0;
    }
    for (std::size_t newline = text.find('\n', counted); newline < offset;
         newline = text.find('\n', newline + 1)) {
      ++line;
      line_start = newline + 1;
    }
    counted = offset;
    return {file, line,
            static_cast<int>(count_code_points(text.substr(line_start, offset - line_start))) + 1};
  }
};

// One \if: whether its branch is being read, and whether one has been.
struct Branch {
  bool active = false;
  bool taken = false;
  bool outer_active = true;
  bool has_else = false;
  Location place;
};

}  // namespace

class SqlReader::Impl {
 public:
  Impl(std::string_view text, const std::string& file, SqlReaderOptions options)
      : standard_strings_(options.standard_conforming_strings) {
    add_source({}, text, file, std::nullopt);
  }

  std::optional<SqlStatement> next() {
    while (ready_.empty() && !sources_.empty()) step();
    if (ready_.empty()) {
      if (!branches_.empty()) {
        throw Error(ErrorCode::input, "an \\if without its \\endif")
            .at(branches_.back().place)
            .hint("close it with \\endif");
      }
      return std::nullopt;
    }
    SqlStatement statement = std::move(ready_.front());
    ready_.pop_front();
    return statement;
  }

  std::vector<SqlComment> take_comments() { return std::move(comments_); }
  const std::vector<fs::path>& included() const { return included_; }

 private:
  Source& source() { return sources_.back(); }
  bool active() const { return branches_.empty() || branches_.back().active; }

  void add_source(std::string owned, std::string_view text, std::string file,
                  std::optional<Location> variable) {
    Source& added = sources_.emplace_back();
    added.owned = std::move(owned);
    added.text = added.owned.empty() ? text : std::string_view(added.owned);
    added.file = std::move(file);
    added.variable = std::move(variable);
    if (added.text.starts_with("\xef\xbb\xbf")) added.at = 3;  // byte order mark
  }

  void step() {
    if (source().at >= source().text.size()) {
      end_source();
      return;
    }
    const char c = source().text[source().at];
    if (c == '\\') {
      backslash_command();
    } else if (c == ':' && take_variable()) {
    } else {
      take_piece();
    }
  }

  void end_source() {
    const bool is_variable = source().variable.has_value();
    if (!is_variable && open_) end_statement();
    if (sources_.size() == 1 || is_variable) {
      sources_.pop_back();
      resumed_ = true;
      return;
    }
    sources_.pop_back();
  }

  // Takes one token, comment or space into the statement.
  void take_piece() {
    Source& from = source();
    const std::size_t start = from.at;
    const Scanned scanned = scan(from.text, start, standard_strings_);
    std::string_view piece = from.text.substr(start, scanned.end - start);
    switch (scanned.piece) {
      case Piece::space:
      case Piece::block_comment:
        if (open_) append(piece, start);
        break;
      case Piece::line_comment: {
        if (active()) {
          std::string_view comment = piece.substr(2);
          if (!comment.empty() && comment.back() == '\r') comment.remove_suffix(1);
          comments_.push_back({std::string(comment), from.place_of(start)});
        }
        if (open_) append(piece, start);
        break;
      }
      case Piece::unterminated_comment:
        unterminated("comment", start);
      case Piece::unterminated_name:
        unterminated("quoted name", start);
      case Piece::unterminated_string:
        unterminated("string", start);
      case Piece::unterminated_dollar_string:
        unterminated("dollar-quoted string", start);
      case Piece::symbol:
        if (take_symbol(piece, start)) return;
        break;
      case Piece::word:
        begin(start);
        append(piece, start);
        from.at = scanned.end;
        note_word(piece);
        return;
      case Piece::quoted_name:
      case Piece::string:
      case Piece::dollar_string:
        begin(start);
        append(piece, start);
        last_word_.clear();
        break;
    }
    from.at = scanned.end;
  }

  // True where it has moved on itself.
  bool take_symbol(std::string_view piece, std::size_t start) {
    if (piece == ";") {
      ++source().at;
      if (!open_) return true;
      if (parentheses_ == 0 && begin_depth_ == 0) {
        end_statement();
        return true;
      }
      append(piece, start);
      return true;
    }
    begin(start);
    append(piece, start);
    last_word_.clear();
    if (piece == "(") ++parentheses_;
    if (piece == ")" && parentheses_ > 0) --parentheses_;
    // `::` and `:=` are no variables.
    const char after = source().text.substr(start + 1, 1).empty() ? '\0' : source().text[start + 1];
    if (piece == ":" && (after == ':' || after == '=')) {
      append(source().text.substr(start + 1, 1), start + 1);
      source().at = start + 2;
      return true;
    }
    return false;
  }

  [[noreturn]] void unterminated(const char* what, std::size_t start) {
    throw Error(ErrorCode::input, fmt::format("unterminated {}", what))
        .at(source().place_of(start))
        .hint("close it, or check for a quote left over above");
  }

  void begin(std::size_t start) {
    if (open_) return;
    open_ = true;
    statement_ = {};
    statement_.place = source().place_of(start);
    resumed_ = false;
    parentheses_ = 0;
    begin_depth_ = 0;
    words_.clear();
    last_word_.clear();
    copies_from_stdin_ = false;
  }

  void append(std::string_view piece, std::size_t start) {
    if (source().variable &&
        (statement_.pieces.empty() || resumed_ || !statement_.pieces.back().substituted)) {
      statement_.pieces.push_back({statement_.text.size(), *source().variable, true});
      resumed_ = false;
    } else if (!source().variable && resumed_) {
      statement_.pieces.push_back({statement_.text.size(), source().place_of(start), false});
      resumed_ = false;
    }
    statement_.text.append(piece);
  }

  void note_word(std::string_view piece) {
    if (words_.size() >= 4 && !is_routine() && words_[0] != "copy") return;
    std::string name = lower(piece);
    if (!words_.empty() && words_[0] == "copy" && parentheses_ == 0 && last_word_ == "from" &&
        name == "stdin") {
      copies_from_stdin_ = true;
    }
    if (words_.size() < 4) words_.push_back(name);
    if (is_routine()) {
      if (name == "begin") {
        if (atomic_follows() || begin_depth_ > 0) ++begin_depth_;
      } else if (name == "case" && begin_depth_ > 0) {
        ++begin_depth_;
      } else if (name == "end" && begin_depth_ > 0) {
        --begin_depth_;
      }
    }
    last_word_ = std::move(name);
  }

  bool is_routine() const {
    if (words_.empty() || words_[0] != "create") return false;
    const std::size_t kind = words_.size() > 1 && words_[1] == "or" ? 3 : 1;
    return words_.size() > kind && (words_[kind] == "function" || words_[kind] == "procedure");
  }

  bool atomic_follows() {
    const std::size_t next = skip_while(source().text, source().at, is_space);
    return lower(source().text.substr(next, 6)) == "atomic";
  }

  void end_statement() {
    open_ = false;
    std::string& text = statement_.text;
    while (!text.empty() && is_space(text.back())) text.pop_back();
    if (!active()) {
      comments_.clear();
      if (copies_from_stdin_) take_rows();
      return;
    }
    statement_.comments = std::move(comments_);
    comments_.clear();
    note_string_setting();
    if (copies_from_stdin_) statement_.copy_data = take_rows();
    ready_.push_back(std::move(statement_));
  }

  // SET standard_conforming_strings changes how what follows is read.
  void note_string_setting() {
    if (words_.empty() || (words_[0] != "set" && words_[0] != "reset")) return;
    const std::string text = lower(statement_.text);
    if (words_[0] == "reset") {
      if (text.find("standard_conforming_strings") != std::string::npos) standard_strings_ = true;
      return;
    }
    const std::size_t name = text.find("standard_conforming_strings");
    if (name == std::string::npos) return;
    const std::string_view value = std::string_view(text).substr(name + 27);
    const bool off = value.find("off") != std::string_view::npos ||
                     value.find("false") != std::string_view::npos ||
                     value.find('0') != std::string_view::npos;
    standard_strings_ = !off;
  }

  // COPY … FROM STDIN is followed by rows up to a line of `\.`.
  std::string take_rows() {
    Source& from = source();
    const std::size_t line_end = std::min(from.text.find('\n', from.at), from.text.size());
    if (skip_while(from.text, from.at, is_space) < line_end) {
      const std::string_view line = from.text.substr(from.at, line_end - from.at);
      const std::string_view rest = line.substr(skip_while(line, 0, is_space));
      if (!rest.empty() && !rest.starts_with("--")) {
        throw Error(ErrorCode::input, "more stands behind COPY … FROM STDIN on its line")
            .at(from.place_of(from.at))
            .hint("its rows begin on the next line: put the rest below them");
      }
    }
    const std::size_t start = std::min(line_end + 1, from.text.size());
    for (std::size_t line = start;;) {
      if (line >= from.text.size()) {
        throw Error(ErrorCode::input, "the rows of COPY have no end")
            .at(statement_.place)
            .hint("end them with a line that holds \\. alone");
      }
      // Only a line that begins with a backslash can be the end.
      const bool candidate = from.text[line] == '\\';
      const std::size_t end = std::min(from.text.find('\n', line), from.text.size());
      if (candidate) {
        std::string_view row = from.text.substr(line, end - line);
        if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
        if (row == "\\.") {
          from.at = end;
          return std::string(from.text.substr(start, line - start));
        }
      }
      line = end + 1;
    }
  }

  // --- variables ---

  // At a colon: reads a variable that is set. False: it is a colon.
  bool take_variable() {
    Source& from = source();
    std::size_t at = from.at + 1;
    if (at >= from.text.size() || from.text[at] == ':') return false;
    char form = from.text[at];
    if (form == '{') {
      const std::size_t close = from.text.find('}', at);
      if (from.text.substr(at, 2) != "{?" || close == std::string_view::npos) return false;
      const bool is_set =
          variables_.contains(std::string(from.text.substr(at + 2, close - at - 2)));
      substitute(is_set ? "TRUE" : "FALSE", close + 1);
      return true;
    }
    const bool quoted = form == '\'' || form == '"';
    if (quoted) ++at;
    const std::size_t end = skip_while(from.text, at, continues_variable);
    if (end == at || (quoted && (end >= from.text.size() || from.text[end] != form))) return false;
    const auto found = variables_.find(std::string(from.text.substr(at, end - at)));
    if (found == variables_.end()) return false;
    if (form == '\'') {
      substitute(quote_literal(found->second), end + 1);
    } else if (form == '"') {
      substitute(quote_identifier(found->second), end + 1);
    } else {
      substitute(found->second, end);
    }
    return true;
  }

  void substitute(std::string value, std::size_t behind) {
    Source& from = source();
    const Location place = from.place_of(from.at);
    if (!open_) begin(from.at);
    from.at = behind;
    resumed_ = true;
    if (value.empty()) return;
    if (sources_.size() > 2 * kMostIncludes) {
      throw Error(ErrorCode::input, "variables that hold one another")
          .at(place)
          .hint("a value is read again for variables: unset the inner one");
    }
    add_source(std::move(value), {}, {}, place);
  }

  // --- backslash commands ---

  void backslash_command() {
    Source& from = source();
    const std::size_t start = from.at;
    const std::size_t line_end = std::min(from.text.find('\n', start), from.text.size());
    std::size_t at = start + 1;
    while (at < line_end && !is_space(from.text[at]) && from.text[at] != '\\') ++at;
    const std::string name(from.text.substr(start + 1, at - start - 1));
    const Location place = from.place_of(start);
    if (from.variable) {
      throw Error(ErrorCode::unsupported, "a backslash command inside a variable's value")
          .at(place)
          .hint("write the command into the file");
    }
    from.at = at;
    if (name == "if" || name == "elif" || name == "else" || name == "endif") {
      branch(name, line_end, place);
      return;
    }
    if (!active()) {
      from.at = line_end;
      return;
    }
    run_command(name, line_end, place);
  }

  void run_command(const std::string& name, std::size_t line_end, const Location& place) {
    if (name == "gexec") {
      if (!open_) {
        throw Error(ErrorCode::input, "\\gexec without a query in front of it").at(place);
      }
      statement_.execute_result = true;
      end_statement();
    } else if (name == "restrict" || name == "unrestrict") {
      source().at = line_end;
    } else if (name == "i" || name == "ir" || name == "include" || name == "include_relative") {
      include(line_end, place, name);
    } else if (name == "copy") {
      client_copy(line_end, place);
    } else if (name == "set") {
      set_variable(line_end);
    } else if (name == "unset") {
      const std::vector<std::string> arguments = read_arguments(line_end);
      if (!arguments.empty()) variables_.erase(arguments[0]);
    } else if (name == "echo") {
      SqlStatement echo;
      echo.kind = SqlStatement::Kind::echo;
      echo.place = place;
      for (const std::string& argument : read_arguments(line_end)) {
        echo.text += (echo.text.empty() ? "" : " ") + argument;
      }
      ready_.push_back(std::move(echo));
    } else {
      throw Error(ErrorCode::unsupported,
                  fmt::format("the psql command \\{} is not supported", name))
          .at(place)
          .hint(
              "write plain SQL, or run psql in a script step; known are \\i \\ir \\copy \\set "
              "\\unset \\gexec \\echo \\if \\elif \\else \\endif \\restrict \\unrestrict");
    }
  }

  // What stands on the rest of the line, by psql's rules for quotes and variables; `\\` ends it.
  std::vector<std::string> read_arguments(std::size_t line_end) {
    std::vector<std::string> out;
    Source& from = source();
    const auto more = [&] { return from.at < line_end; };
    while (true) {
      while (more() && is_space(from.text[from.at])) ++from.at;
      if (!more()) return out;
      if (from.text[from.at] == '\\') {
        if (from.text.substr(from.at, 2) == "\\\\") from.at += 2;
        return out;
      }
      std::string argument;
      while (more() && !is_space(from.text[from.at]) && from.text[from.at] != '\\') {
        read_argument_part(argument, line_end);
      }
      out.push_back(std::move(argument));
    }
  }

  void read_argument_part(std::string& argument, std::size_t line_end) {
    Source& from = source();
    const char c = from.text[from.at];
    if (c == '`') {
      throw Error(ErrorCode::unsupported, "a command of the shell in backquotes")
          .at(from.place_of(from.at))
          .hint("run it in a script step");
    }
    if (c == '\'' || c == '"') {
      const std::size_t start = from.at;
      for (++from.at;; ++from.at) {
        if (from.at >= line_end) unterminated("quote", start);
        const char inner = from.text[from.at];
        if (inner == c) {
          if (from.at + 1 < line_end && from.text[from.at + 1] == c) {
            ++from.at;
          } else {
            ++from.at;
            return;
          }
        }
        if (c == '\'' && inner == '\\' && from.at + 1 < line_end) {
          argument += unescaped(from.text[++from.at]);
        } else {
          argument += inner;
        }
      }
    }
    if (c == ':' && variable_in_argument(argument)) return;
    argument += c;
    ++from.at;
  }

  static char unescaped(char c) {
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      default:
        return c;
    }
  }

  bool variable_in_argument(std::string& argument) {
    const std::size_t depth = sources_.size();
    const bool was_open = open_;
    open_ = true;  // nothing begins here
    const bool found = take_variable();
    open_ = was_open;
    resumed_ = false;
    if (!found) return false;
    if (sources_.size() > depth) {
      argument += source().text;
      sources_.pop_back();
    }
    return true;
  }

  void set_variable(std::size_t line_end) {
    const std::vector<std::string> arguments = read_arguments(line_end);
    if (arguments.empty()) return;
    std::string value;
    for (std::size_t i = 1; i < arguments.size(); ++i) value += arguments[i];
    variables_[arguments[0]] = std::move(value);
  }

  void branch(const std::string& name, std::size_t line_end, const Location& place) {
    if (name == "if") {
      const bool outer = active();
      Branch added;
      added.outer_active = outer;
      added.place = place;
      added.active = outer && is_true(line_end, place, outer);
      added.taken = added.active;
      branches_.push_back(added);
      if (!outer) source().at = line_end;
      return;
    }
    if (branches_.empty()) {
      throw Error(ErrorCode::input, fmt::format("\\{} without an \\if", name)).at(place);
    }
    Branch& inner = branches_.back();
    if (name == "endif") {
      branches_.pop_back();
      return;
    }
    if (inner.has_else) {
      throw Error(ErrorCode::input, fmt::format("\\{} behind \\else", name)).at(place);
    }
    const bool may = inner.outer_active && !inner.taken;
    if (name == "else") {
      inner.has_else = true;
      inner.active = may;
    } else {
      inner.active = may && is_true(line_end, place, may);
      if (!may) source().at = line_end;
    }
    inner.taken = inner.taken || inner.active;
  }

  bool is_true(std::size_t line_end, const Location& place, bool matters) {
    std::string text;
    for (const std::string& argument : read_arguments(line_end)) {
      text += (text.empty() ? "" : " ") + argument;
    }
    if (!matters) return false;
    const std::string value = lower(text);
    const auto begins = [&value](std::string_view word, std::size_t least) {
      return value.size() >= least && word.starts_with(value);
    };
    if (value == "1" || begins("true", 1) || begins("yes", 1) || value == "on") return true;
    if (value == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2)) return false;
    throw Error(ErrorCode::input, fmt::format("\"{}\" is neither true nor false", text))
        .at(place)
        .hint("\\if takes true, false, on, off, yes, no, 1 or 0");
  }

  void include(std::size_t line_end, const Location& place, const std::string& name) {
    if (open_) {
      throw Error(ErrorCode::unsupported, fmt::format("\\{} inside a statement", name))
          .at(place)
          .hint("end the statement in front of it with a semicolon");
    }
    const std::vector<std::string> arguments = read_arguments(line_end);
    if (arguments.empty()) {
      throw Error(ErrorCode::input, fmt::format("\\{} needs the name of a file", name)).at(place);
    }
    if (sources_.size() > kMostIncludes) {
      throw Error(ErrorCode::input, "files that include one another").at(place);
    }
    const bool relative = name == "ir" || name == "include_relative";
    const fs::path path = file_beside(arguments[0], relative ? source().file : first_file());
    std::string content = read_included(path, place);
    included_.push_back(path);
    if (!content.empty()) add_source(std::move(content), {}, path.string(), std::nullopt);
  }

  std::string first_file() const { return sources_.front().file; }

  static fs::path file_beside(const std::string& name, const std::string& file) {
    const fs::path path(name);
    return path.is_absolute() ? path : (fs::path(file).parent_path() / path).lexically_normal();
  }

  static std::string read_included(const fs::path& path, const Location& place) {
    try {
      return read_file(path);
    } catch (const Error& error) {
      throw Error(error).at(place).detail(path.string());
    }
  }

  // \copy TABLE [(COLUMNS)] FROM 'FILE' [OPTIONS]
  void client_copy(std::size_t line_end, const Location& place) {
    if (open_) {
      throw Error(ErrorCode::unsupported, "\\copy inside a statement")
          .at(place)
          .hint("end the statement in front of it with a semicolon");
    }
    Source& from = source();
    const std::string line(from.text.substr(from.at, line_end - from.at));
    const auto refuse = [&place](const std::string& what) -> Error {
      return Error(ErrorCode::unsupported, what)
          .at(place)
          .hint(
              "known is \\copy TABLE [(COLUMNS)] FROM 'FILE' [OPTIONS]; use a script step for "
              "anything else");
    };
    const std::vector<SqlToken> tokens = tokens_of(line, 1000);
    int depth = 0;
    std::size_t at = 0;
    for (; at < tokens.size(); ++at) {
      if (tokens[at].is("(")) ++depth;
      if (tokens[at].is(")")) --depth;
      if (depth == 0 && (tokens[at].is("from") || tokens[at].is("to"))) break;
    }
    if (at + 1 >= tokens.size()) throw refuse("\\copy without FROM");
    if (tokens[at].is("to")) throw refuse("\\copy … TO writes a file");
    if (tokens[at + 1].is("program")) throw refuse("\\copy … FROM PROGRAM");
    SqlStatement copy;
    copy.place = place;
    const std::size_t source_start = tokens[at + 1].offset;
    std::size_t source_end = tokens[at + 1].end;
    if (tokens[at + 1].kind == SqlToken::Kind::string) {
      std::string file = line.substr(source_start + 1, source_end - source_start - 2);
      copy.copy_file = file_beside(file, first_file());
    } else {  // a bare word, up to the next space
      while (source_end < line.size() && !is_space(line[source_end])) ++source_end;
      const std::string file = line.substr(source_start, source_end - source_start);
      if (lower(file) != "stdin" && lower(file) != "pstdin") {
        copy.copy_file = file_beside(file, first_file());
      }
    }
    std::string tail = line.substr(source_end);
    while (!tail.empty() && (is_space(tail.back()) || tail.back() == ';')) tail.pop_back();
    copy.text = fmt::format("COPY{} FROM STDIN{}", line.substr(0, tokens[at].offset), tail);
    copy.comments = std::move(comments_);
    comments_.clear();
    from.at = line_end;
    statement_ = std::move(copy);
    if (statement_.copy_file.empty()) {
      statement_.copy_data = take_rows();
    } else {
      included_.push_back(statement_.copy_file);
    }
    ready_.push_back(std::move(statement_));
  }

  std::deque<Source> sources_;  // the innermost last; addresses stay
  bool standard_strings_;
  bool open_ = false;       // inside a statement
  SqlStatement statement_;  // being read
  bool resumed_ = false;    // what is appended next does not follow what was appended last
  int parentheses_ = 0;
  int begin_depth_ = 0;
  std::vector<std::string> words_;  // the first few of the statement
  std::string last_word_;
  bool copies_from_stdin_ = false;
  std::vector<SqlComment> comments_;
  std::map<std::string, std::string> variables_;
  std::vector<Branch> branches_;
  std::deque<SqlStatement> ready_;
  std::vector<fs::path> included_;
};

SqlReader::SqlReader(std::string_view text, const std::string& file, SqlReaderOptions options)
    : impl_(std::make_unique<Impl>(text, file, options)) {}

SqlReader::~SqlReader() = default;

std::optional<SqlStatement> SqlReader::next() { return impl_->next(); }

std::vector<SqlComment> SqlReader::trailing_comments() { return impl_->take_comments(); }

const std::vector<fs::path>& SqlReader::included_files() const { return impl_->included(); }

SqlFile split_sql(std::string_view text, const std::string& file) {
  SqlReader reader(text, file);
  SqlFile out;
  while (auto statement = reader.next()) out.statements.push_back(std::move(*statement));
  out.trailing_comments = reader.trailing_comments();
  return out;
}

Location place_in_statement(const SqlStatement& statement, int position) {
  Location place = statement.place;
  auto piece = statement.pieces.begin();
  bool substituted = false;
  std::size_t i = 0;
  for (int character = 1; i <= statement.text.size(); ++character) {
    while (piece != statement.pieces.end() && piece->offset <= i) {
      place = piece->place;
      substituted = piece->substituted;
      ++piece;
    }
    if (character >= position || i == statement.text.size()) break;
    const char32_t read = next_code_point(statement.text, i);
    if (substituted) continue;
    if (read == U'\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

std::vector<SqlToken> tokens_of(std::string_view statement, std::size_t most) {
  std::vector<SqlToken> out;
  for (std::size_t at = 0; at < statement.size() && out.size() < most;) {
    const Scanned scanned = scan(statement, at, true);
    const std::string_view piece = statement.substr(at, scanned.end - at);
    SqlToken token;
    token.offset = at;
    token.end = scanned.end;
    at = scanned.end;
    switch (scanned.piece) {
      case Piece::word:
        token.kind = SqlToken::Kind::word;
        token.text = lower(piece);
        break;
      case Piece::quoted_name:
        token.kind = SqlToken::Kind::quoted_name;
        for (std::size_t i = 1; i + 1 < piece.size(); ++i) {
          token.text += piece[i];
          if (piece[i] == '"') ++i;
        }
        break;
      case Piece::string:
        token.kind = SqlToken::Kind::string;
        token.text = piece;
        break;
      case Piece::dollar_string:
        token.kind = SqlToken::Kind::dollar_string;
        token.text = piece;
        break;
      case Piece::symbol:
        token.text = piece;
        break;
      default:
        continue;
    }
    out.push_back(std::move(token));
  }
  return out;
}

}  // namespace pgcycle::postgres
