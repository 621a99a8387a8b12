#include "pgcycle/server/database_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::server {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

// Statements that give $2 what $1 has, in the order in which they must run.
constexpr const char* kStatements = R"(
WITH d AS (SELECT * FROM pg_catalog.pg_database WHERE datname = $1)
SELECT format('ALTER DATABASE %I OWNER TO %I', $2::text, pg_get_userbyid(datdba))
FROM d WHERE pg_get_userbyid(datdba) <> current_user
UNION ALL
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $2::text) FROM d WHERE datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text,
              CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM d, aclexplode(d.datacl) a
UNION ALL
SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', $2::text, datconnlimit) FROM d WHERE datconnlimit >= 0
UNION ALL
SELECT format('COMMENT ON DATABASE %I IS %L', $2::text, c)
FROM (SELECT regexp_replace(shobj_description(oid, 'pg_database'), '\n?pgcycle\.[^\n]*', '', 'g') AS c FROM d) comments
WHERE c <> ''
)";

constexpr const char* kSettings = R"(
SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END,
       split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c
WHERE d.datname = $1 AND c NOT LIKE 'pgcycle.%'
)";

// Settings whose values are lists of quoted names, as PostgreSQL stores them.
constexpr std::array<std::string_view, 6> kLists{
    "local_preload_libraries",  "search_path",      "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"};

// "a, "B c"" as 'a', 'B c'.
std::string list_of_literals(std::string_view value) {
  std::string out;
  std::string element;
  bool quoted = false;
  const auto finish = [&] {
    out += (out.empty() ? "" : ", ") + quote_literal(element);
    element.clear();
  };
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '"') {
      if (quoted && i + 1 < value.size() && value[i + 1] == '"') {
        element += value[++i];
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      finish();
    } else if (c != ' ' || quoted) {
      element += c;
    }
  }
  finish();
  return out;
}

std::string setting_statement(const std::string& database, const postgres::Result& rows,
                              std::size_t row) {
  const std::string name = rows.get(row, 1);
  const std::string value = rows.get(row, 2);
  const bool list = std::find(kLists.begin(), kLists.end(), name) != kLists.end();
  const std::string subject = rows.is_null(row, 0) ? "DATABASE " + quote_identifier(database)
                                                   : fmt::format("ROLE {} IN DATABASE {}",
                                                                 quote_identifier(rows.get(row, 0)),
                                                                 quote_identifier(database));
  std::string quoted_name;
  for (std::size_t start = 0; start <= name.size();) {  // extension.setting
    const std::size_t end = std::min(name.find('.', start), name.size());
    quoted_name += (start == 0 ? "" : ".") + quote_identifier(name.substr(start, end - start));
    start = end + 1;
  }
  return fmt::format("ALTER {} SET {} TO {}", subject, quoted_name,
                     list ? list_of_literals(value) : quote_literal(value));
}

}  // namespace

void carry_over_properties(postgres::Connection& maintenance, const std::string& from,
                           const std::string& to, Reporter& reporter) {
  std::vector<std::string> statements;
  const auto rows = maintenance.query(kStatements, {from, to});
  for (std::size_t i = 0; i < rows.size(); ++i) statements.push_back(rows.get(i, 0));
  const auto settings = maintenance.query(kSettings, {from});
  for (std::size_t i = 0; i < settings.size(); ++i) {
    statements.push_back(setting_statement(to, settings, i));
  }
  for (const std::string& statement : statements) {
    try {
      maintenance.execute(statement);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::statement) throw;
      reporter.notice("not carried over: {} ({})", statement, error.message());
    }
  }
}

std::string database_setting_sql(const std::string& oid, const std::string& name) {
  std::string pattern;
  for (const char c : name) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
  return fmt::format(
      "COALESCE((SELECT substr(c, {2}) FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c "
      "WHERE s.setdatabase = {0} AND s.setrole = 0 AND starts_with(c, '{1}=')), "
      "substring(shobj_description({0}, 'pg_database') FROM '(?:^|\\n){3}=([^\\n]*)'), '')",
      oid, name, name.size() + 2, pattern);
}

std::string database_setting(postgres::Connection& maintenance, const std::string& database,
                             const std::string& name) {
  const auto rows = maintenance.query("SELECT " + database_setting_sql("d.oid", name) +
                                          " FROM pg_catalog.pg_database d WHERE d.datname = $1",
                                      {database});
  return rows.empty() ? std::string() : rows.get(0, 0);
}

void set_database_setting(postgres::Connection& maintenance, const std::string& database,
                          const std::string& name, const std::string& value) {
  const std::string quoted = quote_identifier(database);
  try {
    maintenance.execute(
        fmt::format("ALTER DATABASE {} SET {} = {}", quoted, name, quote_literal(value)));
    return;
  } catch (const Error& error) {
    if (error.sqlstate() != "42501") throw;
  }
  const auto rows = maintenance.query(
      "SELECT shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database "
      "WHERE datname = $1",
      {database});
  std::string comment;
  const std::string before = rows.empty() ? std::string() : rows.get(0, 0);
  for (std::size_t start = 0; start < before.size();) {
    const std::size_t end = std::min(before.find('\n', start), before.size());
    const std::string line = before.substr(start, end - start);
    start = end + 1;
    if (!line.starts_with(name + "=")) comment += line + "\n";
  }
  maintenance.execute(fmt::format("COMMENT ON DATABASE {} IS {}", quoted,
                                  quote_literal(comment + name + "=" + value)));
}

}  // namespace pgcycle::server
