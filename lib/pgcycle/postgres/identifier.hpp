// Names and literals as SQL text.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle::postgres {

// "name", quotes doubled; always quoted, so that no keyword list is needed.
std::string quote_identifier(std::string_view name);

// 'text', or E'…' where a backslash needs it.
std::string quote_literal(std::string_view text);

// As a person would write it: bare where PostgreSQL folds it to itself.
std::string display_identifier(std::string_view name);

// A schema-qualified name of a table, sequence, type or the like.
struct QualifiedName {
  std::string schema;
  std::string name;

  auto operator<=>(const QualifiedName&) const = default;
  std::string sql() const { return quote_identifier(schema) + "." + quote_identifier(name); }
  std::string display() const {
    return display_identifier(schema) + "." + display_identifier(name);
  }
  // Reads `schema.name` with SQL's own rules for quotes and case folding; the
  // schema defaults to public. Throws Error{input} on anything else.
  static QualifiedName parse(std::string_view text);
};

// Splits a dotted SQL name into its unquoted parts ("a"."B".c → a, B, c).
// Throws Error{input} when it is not one.
std::vector<std::string> split_name(std::string_view text);

}  // namespace pgcycle::postgres
