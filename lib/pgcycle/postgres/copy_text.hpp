// The text format of COPY: rows end in newline, fields are split by tab, \N is
// NULL, and backslash escapes the rest.
//
// Source: "File Formats, Text Format" on PostgreSQL's page of the COPY command.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle::postgres {

// A row being read: fields as views, into the block where nothing was escaped
// and into the row's own buffer elsewhere. Reused from row to row.
class CopyTextRow {
 public:
  // Takes one row, without its newline. Views stay valid until the next call
  // and as long as `line` does.
  void parse(std::string_view line);
  std::size_t size() const { return fields_.size(); }
  std::span<const std::optional<std::string_view>> values() const { return fields_; }
  const std::optional<std::string_view>& operator[](std::size_t i) const { return fields_[i]; }
  // The field as it stands in the line, with its escapes.
  std::string_view written(std::size_t i) const {
    return written_.empty() ? *fields_[i] : written_[i];
  }

 private:
  std::vector<std::optional<std::string_view>> fields_;
  std::vector<std::string_view> written_;  // empty where nothing is escaped
  std::string unescaped_;
};

// Appends a field's text with what COPY must escape escaped.
void append_copy_field(std::string& out, std::string_view text);

// Appends \N.
inline void append_copy_null(std::string& out) { out.append("\\N"); }

// Calls `row` for each newline-ended row of a block.
template <class RowSink>
void for_each_copy_row(std::string_view block, RowSink&& row) {
  while (!block.empty()) {
    const std::size_t end = block.find('\n');
    row(block.substr(0, end));
    if (end == std::string_view::npos) return;
    block.remove_prefix(end + 1);
  }
}

}  // namespace pgcycle::postgres
