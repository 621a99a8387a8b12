#include "pgcycle/load/table_copy.hpp"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <utility>

#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

namespace {

// "COPY users, line 7, column email: …" → 7.
std::size_t line_in_copy_context(const std::string& context) {
  const std::size_t at = context.find(", line ");
  std::size_t line = 0;
  if (at != std::string::npos) {
    std::from_chars(context.data() + at + 7, context.data() + context.size(), line);
  }
  return line;
}

Location place_of_row(const RowSource& source, std::size_t number) {
  Location place;
  source.for_each([&](const fixture::Row& row) {
    place = row.place;
    return --number > 0;
  });
  return place;
}

// Appends the row's values as a line of COPY.
void append_copy_row(std::string& out, const fixture::Row& row,
                     const std::vector<std::size_t>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) out.push_back('\t');
    if (const auto& value = row.values[columns[i]]) {
      postgres::append_copy_field(out, *value);
    } else {
      postgres::append_copy_null(out);
    }
  }
  out.push_back('\n');
}

postgres::Connection::CopyIn copy_of(const RowSource& source,
                                     std::function<void(std::uint64_t)> finish) {
  const std::vector<std::size_t> columns = source.columns();
  const auto stored = source.table().stored_columns();
  std::string names;
  for (const std::size_t i : columns) {
    names += (names.empty() ? " (" : ", ") + postgres::quote_identifier(stored[i]->name);
  }
  if (!names.empty()) names += ')';  // a table may have none
  // Its file is opened when its turn comes.
  std::shared_ptr<RowSource::Cursor> cursor;
  return {fmt::format("COPY {}{} FROM STDIN", source.table().name.sql(), names),
          [&source, columns, cursor](std::string& out) mutable {
            if (!cursor) cursor = std::make_shared<RowSource::Cursor>(source);
            const fixture::Row* row = cursor->next();
            if (row == nullptr) {
              cursor.reset();
              return false;
            }
            append_copy_row(out, *row, columns);
            return true;
          },
          std::move(finish)};
}

}  // namespace

std::uint64_t copy_rows(postgres::Connection& connection, const RowSource& source) {
  std::uint64_t rows = 0;
  copy_all_rows(connection, {}, {&source},
                [&rows](std::size_t, std::uint64_t count) { rows = count; });
  return rows;
}

void copy_all_rows(postgres::Connection& connection, const std::vector<std::string>& before,
                   const std::vector<const RowSource*>& sources,
                   const std::function<void(std::size_t, std::uint64_t)>& finish) {
  std::vector<postgres::Connection::CopyIn> copies;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    copies.push_back(copy_of(*sources[i], [&finish, i](std::uint64_t rows) { finish(i, rows); }));
  }
  try {
    connection.copy_in_all(before, copies);
  } catch (Error& error) {
    const postgres::ErrorFields& fields = connection.last_error();
    const std::size_t line = line_in_copy_context(fields.context);
    if (error.code() == ErrorCode::statement && line > 0 && fields.statement >= before.size()) {
      throw Error(error).at(place_of_row(*sources[fields.statement - before.size()], line));
    }
    throw;
  }
}

}  // namespace pgcycle::load
