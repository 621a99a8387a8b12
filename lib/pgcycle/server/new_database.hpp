// A database that is yet to be made, and how it stores and sorts text.
//
// A test database sorts as the one that its dump is of, as far as the server can.
//
// Thread rule: one thread, that of the session. Errors: Error{statement}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

// Encoding and locale, by PostgreSQL's own names.
struct DatabaseLocale {
  enum class Provider : std::uint8_t { libc, icu, builtin };

  std::string encoding;
  Provider provider = Provider::libc;
  std::string collate;  // of libc, which other providers have beside their own
  std::string ctype;
  std::string own;    // of ICU or the builtin provider
  std::string rules;  // of ICU, beyond its locale; may be empty

  bool operator==(const DatabaseLocale&) const = default;

  // For people: "de_DE.UTF-8".
  std::string name() const { return provider == Provider::libc ? collate : own; }
  // The same, with UTF-8 for whatever the encoding was.
  DatabaseLocale in_utf8() const;
};

// That of a statement as pg_dump writes it; nothing for any other.
std::optional<DatabaseLocale> locale_in(std::string_view create_database);

class NewDatabase {
 public:
  NewDatabase(postgres::Connection& maintenance, postgres::ConnectionInfo info)
      : maintenance_(maintenance), info_(std::move(info)) {}

  const postgres::ConnectionInfo& info() const { return info_; }
  int server_major() const { return maintenance_.server_version() / 10000; }

  // Empty, with that locale or the server's own.
  void create(const std::optional<DatabaseLocale>& locale = {}) const;
  // Where the server does not have the locale: with what is nearest to it, and a notice.
  void create_near(const std::optional<DatabaseLocale>& locale, Reporter& reporter) const;

 private:
  bool can_create(const DatabaseLocale& locale) const;
  void create_with(const std::string& options) const;

  postgres::Connection& maintenance_;
  postgres::ConnectionInfo info_;
};

}  // namespace pgcycle::server
