#include "pgcycle/server/new_database.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/postgres/token_cursor.hpp"
#include "pgcycle/support/error.hpp"

namespace pgcycle::server {

namespace {

using Provider = DatabaseLocale::Provider;
using postgres::quote_literal;

constexpr int kNamesProvider = 150000;
constexpr int kHasBuiltin = 170000;
constexpr std::size_t kMostTokens = 64;

bool is_c(const std::string& locale) { return locale == "C" || locale == "POSIX"; }

// Code points are in the order of their UTF-8.
bool is_c_in_utf8(const std::string& locale) { return locale == "C.UTF-8" || locale == "C.utf8"; }

// "de_DE" of "de_DE.ISO8859-1@euro".
std::string language_of(const std::string& locale) {
  return locale.substr(0, locale.find_first_of(".@"));
}

// "de-DE" of "de_DE.UTF-8"; empty for what names no language.
std::string icu_locale_of(const std::string& locale) {
  std::string tag = language_of(locale);
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const std::size_t end = std::min(tag.find('_'), tag.size());
  if (end < 2 || end > 3 || !std::all_of(tag.begin(), tag.begin() + end, is_lower)) return {};
  if (end == tag.size()) return tag;
  if (tag.size() != end + 3 || !is_upper(tag[end + 1]) || !is_upper(tag[end + 2])) return {};
  tag[end] = '-';
  return tag;
}

// The value of a token: 'it''s' is a string's.
std::string value_of(const postgres::SqlToken& token) {
  if (token.kind != postgres::SqlToken::Kind::string) return token.text;
  std::string out;
  for (std::size_t i = 1; i + 1 < token.text.size(); ++i) {
    out.push_back(token.text[i]);
    if (token.text[i] == '\'') ++i;
  }
  return out;
}

// Behind CREATE DATABASE … TEMPLATE template0; nothing where this server has no such option.
std::optional<std::string> options_of(const DatabaseLocale& locale, int server_version) {
  std::string out = fmt::format(" ENCODING {}", quote_literal(locale.encoding));
  const auto add = [&out](std::string_view option, const std::string& value) {
    if (!value.empty()) out += fmt::format(" {} {}", option, quote_literal(value));
  };
  add("LC_COLLATE", locale.collate);
  add("LC_CTYPE", locale.ctype);
  if (server_version < kNamesProvider) {
    if (locale.provider != Provider::libc) return std::nullopt;
    return out;
  }
  switch (locale.provider) {
    case Provider::libc:
      return out + " LOCALE_PROVIDER libc";
    case Provider::icu:
      add("ICU_LOCALE", locale.own);
      add("ICU_RULES", locale.rules);
      return out + " LOCALE_PROVIDER icu";
    case Provider::builtin:
      if (server_version < kHasBuiltin) return std::nullopt;
      add("BUILTIN_LOCALE", locale.own);
      return out + " LOCALE_PROVIDER builtin";
  }
  return std::nullopt;
}

// The server's words for a locale or an encoding that it does not have.
bool is_about_locale(const Error& error) {
  constexpr std::array<std::string_view, 4> kStates{"42809", "22023", "0A000", "42601"};
  return std::find(kStates.begin(), kStates.end(), error.sqlstate()) != kStates.end();
}

// What stands for it where it is missing, the nearest first.
std::vector<DatabaseLocale> nearest_to(const DatabaseLocale& locale) {
  std::vector<DatabaseLocale> out;
  DatabaseLocale utf8 = locale.in_utf8();
  if (utf8.provider == Provider::builtin) {
    utf8 = {"UTF8", Provider::libc, "C", is_c(utf8.own) ? "C" : "C.UTF-8", "", ""};
  }
  if (utf8 != locale) out.push_back(utf8);
  const std::string tag = icu_locale_of(utf8.collate);
  if (utf8.provider == Provider::libc && !tag.empty()) {
    out.push_back({"UTF8", Provider::icu, "C", "C", tag, ""});
  }
  return out;
}

}  // namespace

DatabaseLocale DatabaseLocale::in_utf8() const {
  DatabaseLocale out = *this;
  if (encoding == "UTF8") return out;
  out.encoding = "UTF8";
  for (std::string* part : {&out.collate, &out.ctype}) {
    if (!part->empty() && !is_c(*part)) *part = language_of(*part) + ".UTF-8";
  }
  return out;
}

std::optional<DatabaseLocale> locale_in(std::string_view create_database) {
  postgres::TokenCursor cursor(create_database, kMostTokens);
  if (!cursor.take("create") || !cursor.take("database")) return std::nullopt;
  DatabaseLocale out;
  std::string locale;
  for (cursor.take_name(); !cursor.at_end(); cursor.advance()) {
    // OPTION = value; anything else is passed over.
    if (!cursor.is("=", 1)) continue;
    const std::string option = (*cursor).text;
    cursor.advance();
    cursor.advance();
    if (cursor.at_end()) break;
    const std::string value = value_of(*cursor);
    if (option == "encoding") out.encoding = value;
    if (option == "locale") locale = value;
    if (option == "lc_collate") out.collate = value;
    if (option == "lc_ctype") out.ctype = value;
    if (option == "icu_locale" || option == "builtin_locale") out.own = value;
    if (option == "icu_rules") out.rules = value;
    if (option == "locale_provider" && value != "libc") {
      out.provider = value == "icu" ? Provider::icu : Provider::builtin;
    }
  }
  if (out.encoding.empty()) return std::nullopt;
  if (out.collate.empty()) out.collate = locale;
  if (out.ctype.empty()) out.ctype = locale;
  if (out.provider != Provider::libc && out.own.empty()) out.own = locale;
  return out;
}

void NewDatabase::create(const std::optional<DatabaseLocale>& locale) const {
  if (!locale) return create_with({});
  const auto options = options_of(*locale, maintenance_.server_version());
  if (!options) {
    throw Error(ErrorCode::statement,
                fmt::format("the server does not have the locale {}", locale->name()));
  }
  create_with(*options);
}

void NewDatabase::create_near(const std::optional<DatabaseLocale>& locale,
                              Reporter& reporter) const {
  if (!locale) return create();
  DatabaseLocale wanted = *locale;
  // The same order, without asking the C library for it.
  if (wanted.provider == Provider::libc && wanted.encoding == "UTF8" &&
      is_c_in_utf8(wanted.collate)) {
    wanted.collate = "C";
  }
  if (can_create(wanted)) return;
  const std::string missing =
      fmt::format("the server does not have the locale {} ({}) of the dump's database",
                  locale->name(), locale->encoding);
  for (const DatabaseLocale& other : nearest_to(wanted)) {
    if (!can_create(other)) continue;
    reporter.notice("{}: text sorts by {}{}", missing, other.name(),
                    other.provider == Provider::icu ? " of ICU" : "");
    return;
  }
  create();
  reporter.notice("{}: text sorts as is usual on the server", missing);
}

bool NewDatabase::can_create(const DatabaseLocale& locale) const {
  const auto options = options_of(locale, maintenance_.server_version());
  if (!options) return false;
  try {
    create_with(*options);
    return true;
  } catch (const Error& error) {
    if (!is_about_locale(error)) throw;
    return false;
  }
}

void NewDatabase::create_with(const std::string& options) const {
  maintenance_.execute(fmt::format("CREATE DATABASE {} TEMPLATE template0{}",
                                   postgres::quote_identifier(info_.database()), options));
}

}  // namespace pgcycle::server
