#include "pgcycle/load/sequences.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

postgres::Statement place_of(const catalog::Sequence& sequence) {
  const std::string furthest = sequence.increment < 0 ? "min" : "max";
  std::string values;
  for (const catalog::SequenceUse& use : sequence.uses) {
    if (!values.empty()) values += " UNION ALL ";
    values += fmt::format("SELECT {}({})::bigint FROM {}", furthest,
                          postgres::quote_identifier(use.column), use.table.sql());
  }
  // A value outside the sequence's bounds was never drawn from it. One that was drawn ahead
  // (log_cnt) moves without a trace in the log; setval ends that.
  return {fmt::format("SELECT COALESCE(used, {0}), used IS NOT NULL, "
                      "(s.last_value, s.is_called, s.log_cnt) = (COALESCE(used, {0}), used IS NOT "
                      "NULL, 0), pg_has_role(c.relowner, 'USAGE') "
                      "FROM (SELECT {1}(v) FROM ({2}) u(v) WHERE v BETWEEN {3} AND {4}) f(used), "
                      "{5} s, pg_catalog.pg_class c WHERE c.oid = {6}::regclass",
                      sequence.start, furthest, values, sequence.minimum, sequence.maximum,
                      sequence.name.sql(), postgres::quote_literal(sequence.name.sql())),
          {}};
}

std::vector<postgres::Statement> setting_of(const catalog::Sequence& sequence,
                                            const postgres::Result& place) {
  std::vector<postgres::Statement> out;
  if (place.boolean(0, 2)) return out;
  if (place.boolean(0, 3)) {
    out.push_back({fmt::format("ALTER SEQUENCE {} RESTART", sequence.name.sql()), {}});
  }
  out.push_back({fmt::format("SELECT setval({}::regclass, {}, {})",
                             postgres::quote_literal(sequence.name.sql()), place.text(0, 0),
                             place.boolean(0, 1) ? "true" : "false"),
                 {}});
  return out;
}

}  // namespace pgcycle::load
