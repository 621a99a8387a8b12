// Splits SQL files into statements by psql's rules.
//
// Knows '…' E'…' U&'…' "…" $tag$…$tag$, nested comments, parentheses, the bodies
// of SQL functions (BEGIN ATOMIC … END), and the data behind COPY … FROM STDIN.
// Of psql's backslash commands \restrict and \unrestrict are passed over; any
// other is refused by name.
//
// Source: the chapter "Lexical Structure" of PostgreSQL's documentation, and the
// behaviour of psql. Thread rule: free functions, thread-safe. Errors:
// Error{input} or Error{unsupported} with file, line and column.
#pragma once

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
  std::string text;                      // from its first token to before the semicolon
  Location place;                        // of the first token
  std::vector<SqlComment> comments;      // `--` comments in front of and inside it
  std::optional<std::string> copy_data;  // rows of COPY … FROM STDIN
};

struct SqlFile {
  std::vector<SqlStatement> statements;
  std::vector<SqlComment> trailing_comments;  // behind the last statement
};

// `file` names the source in errors.
SqlFile split_sql(std::string_view text, const std::string& file);

// Where the `position`-th character (from 1) of the statement stands in its file.
Location place_in_statement(const SqlStatement& statement, int position);

}  // namespace pgcycle::postgres
