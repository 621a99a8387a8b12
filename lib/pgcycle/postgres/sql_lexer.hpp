// Splits SQL files into statements by psql's rules.
//
// Knows '…' E'…' U&'…' with their continuation lines, "…", $tag$…$tag$, nested comments,
// parentheses, the bodies of SQL functions (BEGIN ATOMIC … END), the data behind COPY …
// FROM STDIN, psql's variables (:name :'name' :"name" :{?name}), and of its backslash
// commands \i \ir \copy \set \unset \gexec \echo \if \elif \else \endif \restrict
// \unrestrict; any other is refused by name. All of it is decided while reading: nothing
// here asks a server.
//
// Source: the chapter "Lexical Structure" of PostgreSQL's documentation, and the page of
// psql. Thread rule: a SqlReader belongs to one thread; functions are thread-safe. Errors:
// Error{input} or Error{unsupported} with file, line and column.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/support/error.hpp"

namespace pgcycle::postgres {

struct SqlComment {
  std::string text;  // without the dashes
  Location place;
};

struct SqlStatement {
  enum class Kind { sql, echo };
  // From its first token to before the semicolon; of an echo, what it says.
  std::string text;
  Location place;                        // of the first token
  std::vector<SqlComment> comments;      // `--` comments in front of and inside it
  std::optional<std::string> copy_data;  // rows of COPY … FROM STDIN
  std::filesystem::path copy_file;       // rows of \copy … FROM 'FILE'
  Kind kind = Kind::sql;
  bool execute_result = false;  // \gexec: each value that it returns is a statement

  // Where its text goes on elsewhere than behind what stands before it: behind a variable,
  // by the byte's number in `text`.
  struct Piece {
    std::size_t offset = 0;
    Location place;
    bool substituted = false;  // the value of a variable, which has no places inside
  };
  std::vector<Piece> pieces;
};

struct SqlReaderOptions {
  bool standard_conforming_strings = true;  // as the session has it at first
};

// Reads one statement after the other, so that a file need not be held in pieces.
class SqlReader {
 public:
  // `file` names the source in errors; what it includes is looked for beside it. `text`
  // must outlive the reader.
  SqlReader(std::string_view text, const std::string& file, SqlReaderOptions options = {});
  ~SqlReader();
  SqlReader(const SqlReader&) = delete;
  SqlReader& operator=(const SqlReader&) = delete;

  // The next statement, or nothing at the end.
  std::optional<SqlStatement> next();
  // Comments behind the last statement, at the end.
  std::vector<SqlComment> trailing_comments();
  // The files that were read besides the first one, so far.
  const std::vector<std::filesystem::path>& included_files() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

struct SqlFile {
  std::vector<SqlStatement> statements;
  std::vector<SqlComment> trailing_comments;  // behind the last statement
};

// All statements of a text.
SqlFile split_sql(std::string_view text, const std::string& file);

// Where the `position`-th character (from 1) of the statement stands in its file.
Location place_in_statement(const SqlStatement& statement, int position);

// A token of a statement, without space and comments.
struct SqlToken {
  enum class Kind { word, quoted_name, string, dollar_string, symbol };
  Kind kind = Kind::symbol;
  std::string text;        // word: in lower case; quoted name: without its quotes
  std::size_t offset = 0;  // of its first byte
  std::size_t end = 0;

  bool is(std::string_view word) const { return kind != Kind::quoted_name && text == word; }
  bool is_name() const { return kind == Kind::word || kind == Kind::quoted_name; }
};

// The first tokens of a statement, at most `most`.
std::vector<SqlToken> tokens_of(std::string_view statement, std::size_t most);

}  // namespace pgcycle::postgres
