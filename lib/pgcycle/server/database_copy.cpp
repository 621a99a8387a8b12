#include "pgcycle/server/database_copy.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::server {

namespace {

// Below this size writing a copy through the WAL beats the checkpoints that copying
// files asks of a server that syncs.
constexpr std::int64_t kSmallBytes = std::int64_t{64} << 20U;

bool copies_files(postgres::Connection& maintenance, const std::string& source) {
  if (maintenance.query("SHOW fsync").get(0, 0) == "off") return true;
  return maintenance.query("SELECT pg_database_size($1)", {source}).integer(0, 0) > kSmallBytes;
}

}  // namespace

void copy_database(postgres::Connection& maintenance, const std::string& source,
                   const std::string& name, Sessions sessions) {
  const int version = maintenance.server_version();
  const std::string statement = fmt::format(
      "CREATE DATABASE {} TEMPLATE {} ALLOW_CONNECTIONS {}", postgres::quote_identifier(name),
      postgres::quote_identifier(source), sessions == Sessions::allowed);
  if (version >= 180000) {
    maintenance.execute("SET file_copy_method = clone");
    try {
      maintenance.execute(statement + " STRATEGY file_copy");
      return;
    } catch (const Error& error) {
      // 55006: in use; 42P04: the name is taken; other ways would meet the same.
      if (error.code() != ErrorCode::statement || error.sqlstate() == "55006" ||
          error.sqlstate().starts_with("42")) {
        throw;
      }
    }
    maintenance.execute("SET file_copy_method = copy");  // the file system cannot
  }
  if (version < 150000) {
    maintenance.execute(statement);
  } else {
    maintenance.execute(statement + (copies_files(maintenance, source) ? " STRATEGY file_copy"
                                                                       : " STRATEGY wal_log"));
  }
}

void rename_database(postgres::Connection& maintenance, const std::string& from,
                     const std::string& to) {
  maintenance.execute(fmt::format("ALTER DATABASE {} RENAME TO {}",
                                  postgres::quote_identifier(from),
                                  postgres::quote_identifier(to)));
}

void drop_database(postgres::Connection& maintenance, const std::string& name) {
  maintenance.execute(
      fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", postgres::quote_identifier(name)));
}

}  // namespace pgcycle::server
