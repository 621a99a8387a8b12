#include "pgcycle/load/sequences.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

std::size_t set_sequences(postgres::Connection& connection, const catalog::Schema& schema) {
  std::size_t set = 0;
  for (const catalog::Sequence& sequence : schema.sequences) {
    if (sequence.uses.empty()) continue;
    const std::string furthest = sequence.increment < 0 ? "min" : "max";
    std::string values;
    for (const catalog::SequenceUse& use : sequence.uses) {
      if (!values.empty()) values += " UNION ALL ";
      values += fmt::format("SELECT {}({})::bigint FROM {}", furthest,
                            postgres::quote_identifier(use.column), use.table.sql());
    }
    // A value outside the sequence's bounds was never drawn from it.
    const auto row =
        connection.query(fmt::format("SELECT {}(v) FROM ({}) u(v) WHERE v BETWEEN {} AND {}",
                                     furthest, values, sequence.minimum, sequence.maximum));
    const bool empty = row.is_null(0, 0);
    connection.query(fmt::format(
        "SELECT setval({}::regclass, {}, {})", postgres::quote_literal(sequence.name.sql()),
        empty ? std::to_string(sequence.start) : row.get(0, 0), empty ? "false" : "true"));
    ++set;
  }
  return set;
}

}  // namespace pgcycle::load
