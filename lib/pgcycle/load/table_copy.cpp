#include "pgcycle/load/table_copy.hpp"

#include <fmt/format.h>

#include <charconv>

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

}  // namespace

std::uint64_t copy_rows(postgres::Connection& connection, const RowSource& source) {
  const std::vector<std::size_t> columns = source.columns();
  const auto stored = source.table().stored_columns();
  std::string names;
  for (const std::size_t i : columns) {
    names += (names.empty() ? "" : ", ") + postgres::quote_identifier(stored[i]->name);
  }
  RowSource::Cursor cursor(source);
  try {
    return connection.copy_in(
        fmt::format("COPY {} ({}) FROM STDIN", source.table().name.sql(), names),
        [&](std::string& out) {
          const fixture::Row* row = cursor.next();
          if (row == nullptr) return false;
          append_copy_row(out, *row, columns);
          return true;
        });
  } catch (Error& error) {
    const std::size_t line = line_in_copy_context(connection.last_error().context);
    if (error.code() == ErrorCode::statement && line > 0) {
      throw Error(error).at(place_of_row(source, line));
    }
    throw;
  }
}

}  // namespace pgcycle::load
