#include "pgcycle/server/roles.hpp"

#include <fmt/format.h>

#include <vector>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::server {

namespace {

constexpr const char* kUndefinedObject = "42704";
constexpr const char* kDuplicateObject = "42710";

}  // namespace

void make_missing_roles(postgres::Connection& maintenance, const std::set<std::string>& names,
                        const std::string& what, Reporter& reporter) {
  std::vector<std::string> made;
  for (const std::string& name : names) {
    if (name.starts_with("pg_")) continue;
    const bool is_there =
        !maintenance.query("SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", {name}).empty();
    if (is_there) continue;
    try {
      maintenance.execute(fmt::format("CREATE ROLE {} NOLOGIN", postgres::quote_identifier(name)));
      made.push_back(postgres::display_identifier(name));
    } catch (const Error& error) {
      if (error.sqlstate() != kDuplicateObject) throw;  // another run was faster
    }
  }
  if (made.empty()) return;
  reporter.notice("made on pgcycle's own server, unable to log in, since {} names {}: {}", what,
                  made.size() == 1 ? "it" : "them", fmt::join(made, ", "));
}

std::string role_that_is_missing(const Error& error) {
  constexpr std::string_view kStart = "role \"";
  constexpr std::string_view kEnd = "\" does not exist";
  std::string_view text = error.message();
  if (error.sqlstate() != kUndefinedObject || !text.starts_with(kStart) || !text.ends_with(kEnd)) {
    return {};
  }
  text.remove_prefix(kStart.size());
  text.remove_suffix(kEnd.size());
  return std::string(text);
}

}  // namespace pgcycle::server
