#include "pgcycle/catalog/content_hash.hpp"

#include <fmt/format.h>

namespace pgcycle::catalog {

namespace {

// Ready-made queries: the catalogue knows the names, and quotes them. A row's text is its values
// one behind the other, with the numbers of those that are NULL; at half the price of the row's own
// text, which has to do where a function takes no more arguments.
constexpr const char* kQueries = R"(
SELECT format('%I.%I', n.nspname, c.relname),
       CASE WHEN c.relkind = 'S' THEN
         format('SELECT 0, last_value || '' '' || is_called FROM %I.%I', n.nspname, c.relname)
       ELSE format('SELECT count(*), coalesce(sum(pg_catalog.hashtextextended(%s, 0)), 0) FROM %s %I.%I',
              CASE WHEN v.count BETWEEN 1 AND 49
                   THEN format('pg_catalog.concat_ws(E''\x1f'', %s, E''\x1e'', %s)', v.columns, v.nulls)
                   ELSE format('ROW(%s)::text', v.columns) END,
              CASE WHEN c.relkind = 'r' THEN 'ONLY' ELSE '' END, n.nspname, c.relname) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT count(*), string_agg(a.name, ', ' ORDER BY a.number) AS columns,
         string_agg(format('CASE WHEN %s IS NULL THEN ''%s'' END', a.name, a.number), ', '
                    ORDER BY a.number) AS nulls
  FROM (SELECT quote_ident(attname) AS name, row_number() OVER (ORDER BY attname COLLATE "C") AS number
        FROM pg_catalog.pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a) v
WHERE c.relkind IN ('r', 'p', 'S')
  AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname <> 'pgcycle' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1)";

}  // namespace

std::map<std::string, TableContent> content_of(postgres::Connection& connection) {
  std::map<std::string, TableContent> out;
  const postgres::Result queries = connection.query(kQueries);
  std::vector<postgres::Statement> statements;
  for (std::size_t i = 0; i < queries.size(); ++i) statements.push_back({queries.get(i, 1), {}});
  const std::vector<postgres::Result> results = connection.query_all(statements);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    out[queries.get(i, 0)] = {results[i].integer(0, 0), results[i].get(0, 1)};
  }
  return out;
}

std::vector<std::string> compare(const std::map<std::string, TableContent>& from,
                                 const std::map<std::string, TableContent>& to) {
  std::vector<std::string> out;
  for (const auto& [name, content] : from) {
    const auto other = to.find(name);
    if (other == to.end()) {
      out.push_back(fmt::format("{}: is gone", name));
    } else if (other->second.rows != content.rows) {
      out.push_back(fmt::format("{}: {} rows -> {} rows", name, content.rows, other->second.rows));
    } else if (other->second.hash != content.hash) {
      out.push_back(fmt::format("{}: other {}", name, content.rows == 0 ? "position" : "values"));
    }
  }
  for (const auto& [name, content] : to) {
    if (!from.contains(name)) out.push_back(fmt::format("{}: came in", name));
  }
  return out;
}

}  // namespace pgcycle::catalog
