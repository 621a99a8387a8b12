#include "pgcycle/dump/plain_dump.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pgcycle/support/error.hpp"

namespace pgcycle::dump {

namespace {

// Statements that pg_dump and pg_dumpall start in just this way.
constexpr std::array<std::string_view, 11> kElsewhere{"DROP DATABASE ",
                                                      "CREATE DATABASE ",
                                                      "ALTER DATABASE ",
                                                      "COMMENT ON DATABASE ",
                                                      "CREATE ROLE ",
                                                      "ALTER ROLE ",
                                                      "DROP ROLE ",
                                                      "SET SESSION AUTHORIZATION ",
                                                      "SET ROLE ",
                                                      "CREATE TABLESPACE ",
                                                      "SET transaction_timeout "};
// How all other statements of pg_dump start.
constexpr std::array<std::string_view, 13> kWritten{"SET ",
                                                    "SELECT pg_catalog.",
                                                    "CREATE ",
                                                    "ALTER ",
                                                    "COMMENT ON ",
                                                    "GRANT ",
                                                    "REVOKE ",
                                                    "REFRESH ",
                                                    "SECURITY LABEL ",
                                                    "DROP ",
                                                    "BEGIN;",
                                                    "COMMIT;",
                                                    "UPDATE pg_catalog."};
constexpr std::array<std::string_view, 3> kGrants{"GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES "};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool is_tag_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

// "$tag$" where one opens at `i`, else empty.
std::string_view dollar_tag(std::string_view line, std::size_t i) {
  if (i > 0 && is_tag_character(line[i - 1])) return {};
  std::size_t end = i + 1;
  while (end < line.size() && is_tag_character(line[end])) ++end;
  if (end >= line.size() || line[end] != '$') return {};
  if (end > i + 1 && line[i + 1] >= '0' && line[i + 1] <= '9') return {};  // $1
  return line.substr(i, end - i + 1);
}

}  // namespace

std::string_view PlainDumpFilter::pass(std::string_view line) {
  ++line_;
  if (in_copy_) {
    if (line == "\\." || line == "\\.\r") in_copy_ = false;
    last_ = in_copy_ ? Line::copy_row : Line::copy_end;
    return line;
  }
  last_ = Line::other;
  if (inside_ == Inside::nothing && !in_statement_) {
    if (line.starts_with("-- PostgreSQL database dump complete") ||
        line.starts_with("-- PostgreSQL database cluster dump complete")) {
      complete_ = true;
    }
    if (line.starts_with('\\')) {
      take_command(line);
      return {};
    }
    begin_statement(line);
  }
  const bool out = leave_out_;
  scan(line);
  return out ? std::string_view() : line;
}

void PlainDumpFilter::begin_statement(std::string_view line) {
  const auto starts = [line](std::string_view prefix) { return line.starts_with(prefix); };
  const auto ends = [line](std::string_view suffix) {
    std::string_view text = line;
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text.ends_with(suffix);
  };
  leave_out_ = std::any_of(kElsewhere.begin(), kElsewhere.end(), starts);
  copy_follows_ = starts("COPY ") && (ends("FROM stdin;") || ends("FROM STDIN;"));
  if (copy_follows_) last_ = Line::copy_statement;
  if (starts("INSERT INTO ")) last_ = Line::insert_statement;
  const bool blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
  if (last_ == Line::other && !blank && !starts("--") && !starts("/*") &&
      std::none_of(kWritten.begin(), kWritten.end(), starts)) {
    last_ = Line::unknown;
  }
  if (line == "BEGIN;" || line == "COMMIT;") last_ = Line::transaction;
  if (starts("SELECT pg_catalog.lo_open(") || starts("SELECT pg_catalog.lowrite(") ||
      starts("SELECT pg_catalog.lo_close(")) {
    last_ = Line::large_object;
  }
  if (owners_and_grants_ == OwnersAndGrants::restored) return;
  if (owners_and_grants_ == OwnersAndGrants::left_out &&
      std::any_of(kGrants.begin(), kGrants.end(), starts)) {
    leave_out_ = true;
    ++grants_;
  }
  if (starts("ALTER ") && ends(";") && line.find(" OWNER TO ") != std::string_view::npos) {
    leave_out_ = true;
    ++owners_;
  }
}

void PlainDumpFilter::take_command(std::string_view line) {
  if (line.starts_with("\\restrict") || line.starts_with("\\unrestrict")) return;
  if (line.starts_with("\\connect ") || line.starts_with("\\c ")) {
    // pg_dump --create connects again after it has set the database's properties.
    if (connected_.empty()) connected_ = line;
    if (connected_ == line) return;
    throw Error(ErrorCode::input, "the dump holds more than one database")
        .at(file_, line_)
        .hint("dump the one that is meant: pg_dump -Fc DATABASE");
  }
  throw Error(ErrorCode::input,
              fmt::format("the dump holds the psql command {}", line.substr(0, line.find(' '))))
      .at(file_, line_)
      .hint("pg_dump writes no such command; a dump must not run programs or read files");
}

void PlainDumpFilter::scan(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    switch (inside_) {
      case Inside::nothing:
        scan_plain(line, i);
        break;
      case Inside::escaped_quotes:
        if (c == '\\') {
          ++i;
          break;
        }
        [[fallthrough]];
      case Inside::single_quotes:  // '' closes and opens again, which comes to the same
        if (c == '\'') inside_ = Inside::nothing;
        break;
      case Inside::double_quotes:
        if (c == '"') inside_ = Inside::nothing;
        break;
      case Inside::dollar_quotes:
        if (c == '$' && line.substr(i).starts_with(tag_)) {
          i += tag_.size() - 1;
          inside_ = Inside::nothing;
        }
        break;
      case Inside::comment:
        if (line.substr(i).starts_with("*/")) {
          ++i;
          if (--depth_ == 0) inside_ = Inside::nothing;
        } else if (line.substr(i).starts_with("/*")) {
          ++i;
          ++depth_;
        }
        break;
    }
  }
}

// One character outside of quotes and comments; may move `i` on.
void PlainDumpFilter::scan_plain(std::string_view line, std::size_t& i) {
  const std::string_view rest = line.substr(i);
  if (is_space(rest.front())) return;
  if (rest.starts_with("--")) {
    i = line.size();
    return;
  }
  if (rest.starts_with("/*")) {
    inside_ = Inside::comment;
    depth_ = 1;
    ++i;
    return;
  }
  if (rest.front() == ';') {
    in_statement_ = false;
    leave_out_ = false;
    in_copy_ = std::exchange(copy_follows_, false);
    return;
  }
  in_statement_ = true;
  if (rest.front() == '\'') {
    const bool escapes = i > 0 && (line[i - 1] == 'E' || line[i - 1] == 'e');
    inside_ = escapes ? Inside::escaped_quotes : Inside::single_quotes;
  } else if (rest.front() == '"') {
    inside_ = Inside::double_quotes;
  } else if (rest.front() == '$') {
    if (const std::string_view tag = dollar_tag(line, i); !tag.empty()) {
      tag_ = tag;
      inside_ = Inside::dollar_quotes;
      i += tag.size() - 1;
    }
  }
}

void PlainDumpFilter::finish() const {
  if (complete_ && !in_copy_ && inside_ == Inside::nothing && !in_statement_) return;
  throw Error(ErrorCode::step, "the dump is cut short")
      .at(file_, line_)
      .detail("pg_dump's closing line is missing")
      .hint("fetch it again");
}

}  // namespace pgcycle::dump
