#include "pgcycle/load/sequences.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

postgres::Statement setting_of(const catalog::Sequence& sequence) {
  const std::string furthest = sequence.increment < 0 ? "min" : "max";
  std::string values;
  for (const catalog::SequenceUse& use : sequence.uses) {
    if (!values.empty()) values += " UNION ALL ";
    values += fmt::format("SELECT {}({})::bigint FROM {}", furthest,
                          postgres::quote_identifier(use.column), use.table.sql());
  }
  // A value outside the sequence's bounds was never drawn from it.
  return {fmt::format("SELECT setval({}::regclass, COALESCE(used, {}), used IS NOT NULL) "
                      "FROM (SELECT {}(v) FROM ({}) u(v) WHERE v BETWEEN {} AND {}) f(used)",
                      postgres::quote_literal(sequence.name.sql()), sequence.start, furthest,
                      values, sequence.minimum, sequence.maximum),
          {}};
}

}  // namespace pgcycle::load
