#include "pgcycle/postgres/identifier.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/support/error.hpp"

namespace pgcycle::postgres {

namespace {

bool starts_bare_name(char c) {
  return (c >= 'a' && c <= 'z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_bare_name(char c) {
  return starts_bare_name(c) || (c >= '0' && c <= '9') || c == '$' || c == '*';
}

char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string double_quotes(std::string_view text, char quote) {
  std::string out;
  out.reserve(text.size() + 2);
  for (const char c : text) {
    if (c == quote) out.push_back(quote);
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::string quote_identifier(std::string_view name) { return '"' + double_quotes(name, '"') + '"'; }

std::string quote_literal(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return '\'' + double_quotes(text, '\'') + '\'';
  return " E'" + double_quotes(double_quotes(text, '\''), '\\') + '\'';
}

std::string display_identifier(std::string_view name) {
  const bool bare = !name.empty() && starts_bare_name(name[0]) &&
                    std::all_of(name.begin(), name.end(),
                                [](char c) { return continues_bare_name(c) && c != '*'; });
  return bare ? std::string(name) : quote_identifier(name);
}

std::vector<std::string> split_name(std::string_view text) {
  const auto malformed = [text] {
    return Error(ErrorCode::input, fmt::format("'{}' is not a name", text))
        .hint("write schema.table, with double quotes around parts that are not plain lower case");
  };
  std::vector<std::string> parts;
  std::size_t i = 0;
  for (;;) {
    std::string part;
    if (i < text.size() && text[i] == '"') {
      for (++i;; ++i) {
        if (i >= text.size()) throw malformed();
        if (text[i] != '"') {
          part.push_back(text[i]);
        } else if (i + 1 < text.size() && text[i + 1] == '"') {
          part.push_back(text[i++]);
        } else {
          ++i;
          break;
        }
      }
    } else {
      while (i < text.size() && continues_bare_name(fold(text[i]))) part.push_back(fold(text[i++]));
    }
    if (part.empty()) throw malformed();
    parts.push_back(std::move(part));
    if (i == text.size()) return parts;
    if (text[i++] != '.') throw malformed();
  }
}

QualifiedName QualifiedName::parse(std::string_view text) {
  std::vector<std::string> parts = split_name(text);
  if (parts.size() == 1) return {"public", parts[0]};
  if (parts.size() == 2) return {parts[0], parts[1]};
  throw Error(ErrorCode::input, fmt::format("'{}' is not a schema-qualified name", text))
      .hint("write schema.table");
}

}  // namespace pgcycle::postgres
