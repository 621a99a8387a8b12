#include "pgcycle/server/database_copy.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

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

std::string sessions_on(const std::vector<std::string>& databases, std::string_view each) {
  std::vector<std::string> names;
  for (const std::string& name : databases) names.push_back(postgres::quote_literal(name));
  return fmt::format(
      "SELECT count({}) FROM pg_stat_activity WHERE datname IN ({}) AND pid <> pg_backend_pid() "
      "AND "
      "backend_type = 'client backend'",
      each, fmt::join(names, ", "));
}

// Where the server waits for sessions to end, it looks each 100 ms; most are gone in one or two.
bool are_gone(postgres::Connection& maintenance, const std::vector<std::string>& databases,
              std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  const std::string question = sessions_on(databases, "*");
  for (bool waited = false;; waited = true) {
    const bool gone = maintenance.query(question).integer(0, 0) == 0;
    // They go from the view just before the server has done with them.
    if (gone && !waited) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (gone) return true;
    if (std::chrono::steady_clock::now() > until) return false;
  }
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

void end_sessions(postgres::Connection& maintenance, const std::vector<std::string>& databases) {
  maintenance.query(sessions_on(databases, "pg_terminate_backend(pid)"));
  are_gone(maintenance, databases, std::chrono::milliseconds(200));
}

void drop_database(postgres::Connection& maintenance, const std::string& name) {
  if (!are_gone(maintenance, {name}, std::chrono::milliseconds(10))) {
    try {
      end_sessions(maintenance, {name});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::statement) throw;  // else DROP DATABASE says what it is
    }
  }
  maintenance.execute(
      fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", postgres::quote_identifier(name)));
}

}  // namespace pgcycle::server
