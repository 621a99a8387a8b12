#include "pgcycle/load/table_copy.hpp"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <utility>

#include "pgcycle/postgres/copy_binary.hpp"
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

// Of a COPY of its own the server asks for little, but not for nothing.
constexpr std::uintmax_t kBytesWorthBinary = std::uintmax_t{128} * 1024;

using Forms = std::vector<postgres::BinaryForm>;

// Nothing where some column's values have to go as text, or there are too few for it to matter.
std::optional<Forms> binary_forms(const RowSource& source,
                                  const std::vector<std::size_t>& columns) {
  if (source.bytes() < kBytesWorthBinary || columns.empty()) return std::nullopt;
  Forms out;
  const auto stored = source.table().stored_columns();
  for (const std::size_t i : columns) {
    const catalog::Type& type = source.schema().base_type(stored[i]->type);
    const auto form = type.kind == catalog::TypeKind::enumeration ? postgres::BinaryForm::text
                                                                  : postgres::binary_form(type.oid);
    if (!form) return std::nullopt;
    out.push_back(*form);
  }
  return out;
}

// The rows of one table on their way to the server: in binary form up to the first that only the
// server can read, and as text from there on.
class TableRows {
 public:
  TableRows(const RowSource& source, std::function<void(const fixture::Row&)> on_row)
      : source_(source),
        on_row_(std::move(on_row)),
        columns_(source.columns()),
        forms_(binary_forms(source, columns_)) {}

  bool has_binary() const { return forms_.has_value(); }
  std::uint64_t sent_as_binary() const { return sent_as_binary_; }
  // As the server counts: triggers may leave some out.
  std::uint64_t loaded_as_binary() const { return loaded_as_binary_; }
  void note_loaded_as_binary(std::uint64_t count) { loaded_as_binary_ = count; }

  std::string sql(std::string_view options) const {
    const auto stored = source_.table().stored_columns();
    std::string names;
    for (const std::size_t i : columns_) {
      names += (names.empty() ? " (" : ", ") + postgres::quote_identifier(stored[i]->name);
    }
    if (!names.empty()) names += ')';  // a table may have none
    return fmt::format("COPY {}{} FROM STDIN{}", source_.table().name.sql(), names, options);
  }

  bool next_as_binary(std::string& out) {
    if (!cursor_) postgres::append_binary_header(out);
    const fixture::Row* row = next();
    if (row != nullptr && append_as_binary(out, *row)) {
      ++sent_as_binary_;
      return true;
    }
    left_ = row;
    postgres::append_binary_trailer(out);
    return false;
  }

  bool next_as_text(std::string& out) {
    const fixture::Row* row = left_ == nullptr ? next() : std::exchange(left_, nullptr);
    if (row == nullptr) return false;
    append_copy_row(out, *row, columns_);
    return true;
  }

 private:
  // Its file is opened when its turn comes, and closed when it is over.
  const fixture::Row* next() {
    if (at_end_) return nullptr;
    if (!cursor_) cursor_.emplace(source_);
    const fixture::Row* row = cursor_->next();
    at_end_ = row == nullptr;
    if (at_end_) {
      cursor_.reset();
    } else if (on_row_) {
      on_row_(*row);
    }
    return row;
  }

  bool append_as_binary(std::string& out, const fixture::Row& row) const {
    const std::size_t before = out.size();
    postgres::append_binary_row(out, columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto& value = row.values[columns_[i]];
      if (!value) {
        postgres::append_binary_null(out);
      } else if (!postgres::append_binary_field(out, (*forms_)[i], *value)) {
        out.resize(before);
        return false;
      }
    }
    return true;
  }

  const RowSource& source_;
  std::function<void(const fixture::Row&)> on_row_;
  std::vector<std::size_t> columns_;
  std::optional<Forms> forms_;
  std::optional<RowSource::Cursor> cursor_;
  bool at_end_ = false;
  const fixture::Row* left_ = nullptr;  // behind those that went in binary form
  std::uint64_t sent_as_binary_ = 0;
  std::uint64_t loaded_as_binary_ = 0;
};

}  // namespace

std::uint64_t copy_rows(postgres::Connection& connection, const RowSource& source) {
  std::uint64_t rows = 0;
  copy_all_rows(connection, {}, {&source},
                {{}, [&rows](std::size_t, std::uint64_t count) { rows = count; }});
  return rows;
}

void copy_all_rows(postgres::Connection& connection, const std::vector<std::string>& before,
                   const std::vector<const RowSource*>& sources, const CopyListener& listener) {
  // The COPY of each source or, where some rows can go in binary form, one for them and another
  // for the rest.
  std::vector<std::unique_ptr<TableRows>> tables;
  std::vector<postgres::Connection::CopyIn> copies;
  std::vector<std::size_t> source_of;  // for each COPY
  for (std::size_t i = 0; i < sources.size(); ++i) {
    std::function<void(const fixture::Row&)> on_row;
    if (listener.row) on_row = [&listener, i](const fixture::Row& row) { listener.row(i, row); };
    TableRows& rows =
        *tables.emplace_back(std::make_unique<TableRows>(*sources[i], std::move(on_row)));
    if (rows.has_binary()) {
      copies.push_back({rows.sql(" (FORMAT binary)"),
                        [&rows](std::string& out) { return rows.next_as_binary(out); },
                        [&rows](std::uint64_t count) { rows.note_loaded_as_binary(count); }});
      source_of.push_back(i);
    }
    copies.push_back({rows.sql(""), [&rows](std::string& out) { return rows.next_as_text(out); },
                      [&listener, &rows, i](std::uint64_t count) {
                        listener.finish(i, rows.loaded_as_binary() + count);
                      }});
    source_of.push_back(i);
  }
  try {
    connection.copy_in_all(before, copies);
  } catch (Error& error) {
    const postgres::ErrorFields& fields = connection.last_error();
    std::size_t line = line_in_copy_context(fields.context);
    if (error.code() != ErrorCode::statement || line == 0 || fields.statement < before.size()) {
      throw;
    }
    const std::size_t copy = fields.statement - before.size();
    const std::size_t i = source_of[copy];
    const bool behind_binary = copy > 0 && source_of[copy - 1] == i;
    if (behind_binary) line += tables[i]->sent_as_binary();
    throw Error(error).at(place_of_row(*sources[i], line));
  }
}

}  // namespace pgcycle::load
