#include "pgcycle/load/unvalidated_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::load {

namespace {

// Of a table that inherits one, the constraint goes with the parent's; where it is its own too,
// it is found once that is gone.
constexpr const char* kChecks = R"(
SELECT DISTINCT k.oid, format('%I.%I', n.nspname, c.relname) AS relation, quote_ident(k.conname),
       pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.obj_description(k.oid, 'pg_constraint')
FROM unnest($1::oid[]) t
CROSS JOIN LATERAL (SELECT t AS relid UNION SELECT relid FROM pg_catalog.pg_partition_tree(t)) tree
JOIN pg_catalog.pg_constraint k ON k.conrelid = tree.relid
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND NOT k.convalidated AND k.coninhcount = 0
  AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
ORDER BY k.oid
)";

}  // namespace

std::vector<std::string> rest_unvalidated_checks(postgres::Connection& connection,
                                                 const std::vector<const catalog::Table*>& tables) {
  std::string oids = "{";
  for (const catalog::Table* table : tables) {
    if (!table->has_unvalidated_checks) continue;
    oids += fmt::format("{}{}", oids.size() == 1 ? "" : ",", table->oid);
  }
  oids += '}';
  std::vector<std::string> undo;
  if (oids == "{}") return undo;
  for (;;) {
    const postgres::Result checks = connection.query(kChecks, {oids});
    if (checks.empty()) break;
    for (std::size_t i = 0; i < checks.size(); ++i) {
      const std::string table = checks.get(i, 1);
      const std::string name = checks.get(i, 2);
      connection.execute(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, name));
      if (!checks.is_null(i, 4)) {
        undo.push_back(fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", name, table,
                                   postgres::quote_literal(checks.get(i, 4))));
      }
      undo.push_back(
          fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table, name, checks.get(i, 3)));
    }
  }
  std::reverse(undo.begin(), undo.end());
  return undo;
}

}  // namespace pgcycle::load
