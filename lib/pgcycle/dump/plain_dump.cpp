#include "pgcycle/dump/plain_dump.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/support/error.hpp"

namespace pgcycle::dump {

namespace {

// Statements that pg_dump and pg_dumpall start in just this way.
constexpr std::array<std::string_view, 16> kElsewhere{"DROP DATABASE ",
                                                      "CREATE DATABASE ",
                                                      "ALTER DATABASE ",
                                                      "COMMENT ON DATABASE ",
                                                      "CREATE ROLE ",
                                                      "ALTER ROLE ",
                                                      "DROP ROLE ",
                                                      "SET SESSION AUTHORIZATION ",
                                                      "SET ROLE ",
                                                      "CREATE TABLESPACE ",
                                                      "SET transaction_timeout ",
                                                      "SET default_tablespace ",
                                                      "CREATE SUBSCRIPTION ",
                                                      "ALTER SUBSCRIPTION ",
                                                      "COMMENT ON SUBSCRIPTION ",
                                                      "SECURITY LABEL "};
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

constexpr std::array<std::string_view, 3> kTables{"CREATE TABLE ", "CREATE UNLOGGED TABLE ",
                                                  "CREATE FOREIGN TABLE "};
constexpr std::array<std::string_view, 2> kExtensions{"CREATE EXTENSION IF NOT EXISTS ",
                                                      "COMMENT ON EXTENSION "};

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
    return leaves_rows_out_ ? std::string_view() : line;
  }
  last_ = Line::other;
  if (is_between_statements()) {
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
  // Of the database that was dumped, by its name.
  if ((starts("GRANT ") || starts("REVOKE ")) && line.find(" ON DATABASE ") != std::string::npos) {
    leave_out_ = true;
  }
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
  if (has_extension_ && is_of_lacking_extension(line)) leave_out_ = true;
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

// An extension that the server lacks goes with what its own tables and sequences hold, which are
// not made in the dump. Whose they are is not in it: those in the schema of an extension that is
// there count as its own.
bool PlainDumpFilter::is_of_lacking_extension(std::string_view line) {
  const auto behind = [line](std::string_view prefix, std::string_view end) {
    const std::string_view rest = line.substr(prefix.size());
    return rest.substr(0, rest.find_first_of(end));
  };
  const auto schema_of = [](std::string_view name) { return name.substr(0, name.find('.')); };
  const auto is_unknown = [&](std::string_view name) {
    return lacks_extension_ && !made_.contains(name) &&
           !schemas_of_extensions_.contains(schema_of(name));
  };
  for (const std::string_view prefix : kExtensions) {
    if (!line.starts_with(prefix)) continue;
    if (!has_extension_(postgres::split_name(behind(prefix, " ;")).front())) {
      lacks_extension_ = true;
      return true;
    }
    constexpr std::string_view kSchema = " WITH SCHEMA ";
    const std::size_t at = line.find(kSchema);
    if (at != std::string_view::npos) {
      const std::string_view schema = line.substr(at + kSchema.size());
      schemas_of_extensions_.emplace(schema.substr(0, schema.find(';')));
    }
    return false;
  }
  for (const std::string_view prefix : kTables) {
    if (!line.starts_with(prefix)) continue;
    const std::string_view table = behind(prefix, " (;");
    made_.emplace(table);
    made_.emplace(schema_of(table));
    return false;
  }
  if (copy_follows_) {
    leaves_rows_out_ = is_unknown(behind("COPY ", " ("));
    return leaves_rows_out_;
  }
  constexpr std::string_view kSetval = "SELECT pg_catalog.setval('";
  return line.starts_with(kSetval) && is_unknown(schema_of(behind(kSetval, "'")));
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
  if (complete_ && is_between_statements()) return;
  throw Error(ErrorCode::step, "the dump is cut short")
      .at(file_, line_)
      .detail("pg_dump's closing line is missing")
      .hint("fetch it again");
}

}  // namespace pgcycle::dump
