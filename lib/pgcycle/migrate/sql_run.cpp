#include "pgcycle/migrate/sql_run.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>

#include <charconv>
#include <optional>
#include <utility>

#include "pgcycle/support/file.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

using postgres::SqlStatement;

constexpr std::size_t kBatchStatements = 1000;
constexpr std::size_t kBatchBytes = std::size_t{512} << 10U;
constexpr std::size_t kCopyBlock = std::size_t{256} << 10U;

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), std::size_t{200}));
}

// The line of a function's body that the server's context names: that of a DO block, or of
// the function that the statement makes.
std::optional<int> line_of_body(const std::string& context) {
  for (const std::string_view mark : {std::string_view("inline_code_block line "),
                                      std::string_view("inline_code_block near line "),
                                      std::string_view("compilation of PL/pgSQL function")}) {
    std::size_t at = context.rfind(mark);
    if (at == std::string::npos) continue;
    if (mark.starts_with("compilation")) {
      at = context.find("near line ", at);
      if (at == std::string::npos) continue;
      at += 10;
    } else {
      at += mark.size();
    }
    int line = 0;
    std::from_chars(context.data() + at, context.data() + context.size(), line);
    if (line > 0) return line;
  }
  return std::nullopt;
}

// The place of the first dollar-quoted body's line.
std::optional<Location> place_in_body(const SqlStatement& statement, int line) {
  for (const postgres::SqlToken& token : postgres::tokens_of(statement.text, 10000)) {
    if (token.kind != postgres::SqlToken::Kind::dollar_string) continue;
    const std::size_t tag_end = statement.text.find('$', token.offset + 1) + 1;
    std::size_t at = tag_end;
    for (int i = 1; i < line && at != std::string::npos; ++i) {
      at = statement.text.find('\n', at);
      if (at != std::string::npos) ++at;
    }
    if (at == std::string::npos || at > token.end) return std::nullopt;
    at = std::min(statement.text.find_first_not_of(" \t", at), statement.text.size());
    int position = 1;
    for (std::size_t i = 0; i < at; ++i) {
      if ((static_cast<unsigned char>(statement.text[i]) & 0xc0U) != 0x80U) ++position;
    }
    return postgres::place_in_statement(statement, position);
  }
  return std::nullopt;
}

}  // namespace

Error with_place(const Error& error, const SqlStatement& statement,
                 const postgres::ErrorFields& fields) {
  Error placed(error);
  Location place = postgres::place_in_statement(statement, fields.position);
  if (fields.position == 0) {
    if (const auto line = line_of_body(fields.context)) {
      if (const auto inside = place_in_body(statement, *line)) place = *inside;
    }
  }
  placed.at(place);
  std::string detail = "in: " + first_line(statement.text);
  if (!error.detail().empty()) detail += "\n" + error.detail();
  placed.detail(std::move(detail));
  if (error.sqlstate() == "25001") {
    placed.hint("put \"-- pgcycle: no-transaction\" at the head of the file");
  } else if (error.sqlstate() == "42704" && error.message().starts_with("role ")) {
    placed.hint(
        "make the role on that server; on pgcycle's own: pgcycle-server psql -- -c "
        "'CREATE ROLE …'");
  }
  return placed;
}

bool SqlRun::is_plain(const SqlStatement& statement) {
  return statement.kind == SqlStatement::Kind::sql && !statement.copy_data &&
         statement.copy_file.empty() && !statement.execute_result;
}

void SqlRun::add(SqlStatement statement) {
  if (!is_plain(statement) || observer_ != nullptr) {
    flush();
    if (observer_ != nullptr && statement.kind == SqlStatement::Kind::sql) {
      observer_->before(statement);
      run_alone(statement);
      observer_->after(statement);
    } else {
      run_alone(statement);
    }
    return;
  }
  postgres::Statement sent{statement.text, {}};
  batch_bytes_ += 2 * sent.sql.size();
  batch_.push_back({std::move(statement), std::move(sent)});
  if (batch_.size() >= kBatchStatements || batch_bytes_ >= kBatchBytes) flush();
}

void SqlRun::add(postgres::Statement statement) {
  batch_bytes_ += statement.sql.size();
  batch_.push_back({{}, std::move(statement)});
}

void SqlRun::flush() {
  if (batch_.empty()) return;
  throw_if_interrupted();
  const std::vector<Item> items = std::exchange(batch_, {});
  batch_bytes_ = 0;
  std::vector<postgres::Statement> statements;
  statements.reserve(items.size());
  for (const Item& item : items) statements.push_back(item.sent);
  try {
    connection_.query_all(statements);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    const std::size_t number = connection_.last_error().statement;
    if (number >= items.size() || items[number].statement.text.empty()) throw;
    throw with_place(error, items[number].statement, connection_.last_error());
  }
}

void SqlRun::run_alone(const SqlStatement& statement) {
  throw_if_interrupted();
  if (statement.kind == SqlStatement::Kind::echo) {
    reporter_.info("  {}", statement.text);
    return;
  }
  try {
    if (statement.copy_data || !statement.copy_file.empty()) {
      copy(statement);
    } else if (statement.execute_result) {
      execute_result(statement);
    } else {
      connection_.execute(statement.text);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement || !error.location().file.empty()) throw;
    throw with_place(error, statement, connection_.last_error());
  }
}

void SqlRun::copy(const SqlStatement& statement) {
  if (statement.copy_data) {
    std::string_view rest = *statement.copy_data;
    connection_.copy_in(statement.text, [&rest](std::string& out) {
      const std::string_view block = rest.substr(0, kCopyBlock);
      out.append(block);
      rest.remove_prefix(block.size());
      return !rest.empty();
    });
    return;
  }
  const FileDescriptor file = [&statement] {
    try {
      return open_to_read(statement.copy_file);
    } catch (const Error& error) {
      throw Error(error).at(statement.place);
    }
  }();
  connection_.copy_in(statement.text, [&](std::string& out) {
    const std::size_t before = out.size();
    out.resize(before + kCopyBlock);
    const ssize_t got = read(file.get(), out.data() + before, kCopyBlock);
    if (got < 0) {
      throw Error(ErrorCode::input, fmt::format("cannot read {}", statement.copy_file.string()))
          .at(statement.place);
    }
    out.resize(before + static_cast<std::size_t>(got));
    return got > 0;
  });
}

void SqlRun::execute_result(const SqlStatement& statement) {
  const postgres::Result rows = connection_.execute(statement.text);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < rows.columns(); ++column) {
      if (rows.is_null(row, column)) continue;
      throw_if_interrupted();
      try {
        connection_.execute(rows.text(row, column));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::statement) throw;
        throw Error(error)
            .at(statement.place)
            .detail(fmt::format("in what \\gexec made: {}{}{}", first_line(rows.get(row, column)),
                                error.detail().empty() ? "" : "\n", error.detail()));
      }
    }
  }
}

}  // namespace pgcycle::migrate
