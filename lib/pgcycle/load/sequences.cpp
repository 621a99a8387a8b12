#include "pgcycle/load/sequences.hpp"

#include <fmt/format.h>

#include <optional>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

namespace {

using catalog::Sequence;

const char* furthest(const Sequence& sequence) { return sequence.increment < 0 ? "min" : "max"; }

// The furthest value in each column that uses it, as a subquery's rows.
std::string values_in_use(const Sequence& sequence) {
  std::string out;
  for (const catalog::SequenceUse& use : sequence.uses) {
    out += fmt::format("{}SELECT {}({})::bigint AS v FROM {}", out.empty() ? "" : " UNION ALL ",
                       furthest(sequence), postgres::quote_identifier(use.column), use.table.sql());
  }
  return out;
}

}  // namespace

std::string SequencePlace::text() const { return fmt::format("{},{}", value, called); }

postgres::Statement place_of(const Sequence& sequence) {
  const std::string values = values_in_use(sequence);
  const std::string used = sequence.uses.size() == 1 ? values
                                                     : fmt::format("SELECT {}(v) FROM ({}) u",
                                                                   furthest(sequence), values);
  // A value that was drawn ahead (log_cnt) moves without a trace in the log; setval ends that.
  return {
      fmt::format("SELECT ({}), last_value, is_called AND log_cnt = 0, is_called OR log_cnt > 0 "
                  "FROM {}",
                  used, sequence.name.sql()),
      {}};
}

SequencePlace read_place(postgres::Connection& connection, const Sequence& sequence,
                         const postgres::Result& selected) {
  std::optional<std::int64_t> used;
  if (!selected.is_null(0, 0)) used = selected.integer(0, 0);
  const bool beyond =
      used && (sequence.increment < 0 ? *used < sequence.minimum : *used > sequence.maximum);
  if (beyond) {
    std::string rows;
    for (const catalog::SequenceUse& use : sequence.uses) {
      const std::string column = postgres::quote_identifier(use.column);
      rows += fmt::format("{}SELECT {}({})::bigint AS v FROM {} WHERE {} BETWEEN {} AND {}",
                          rows.empty() ? "" : " UNION ALL ", furthest(sequence), column,
                          use.table.sql(), column, sequence.minimum, sequence.maximum);
    }
    const postgres::Result within =
        connection.query(fmt::format("SELECT {}(v) FROM ({}) u", furthest(sequence), rows));
    used.reset();
    if (!within.is_null(0, 0)) used = within.integer(0, 0);
  }
  // Nothing within its bounds was ever drawn.
  if (used && (*used < sequence.minimum || *used > sequence.maximum)) used.reset();
  const SequencePlace place{used.value_or(sequence.start), used.has_value(), false};
  const bool stands = selected.integer(0, 1) == place.value &&
                      (place.called ? selected.boolean(0, 2) : !selected.boolean(0, 3));
  return {place.value, place.called, stands};
}

std::vector<postgres::Statement> setting_of(const Sequence& sequence, const SequencePlace& place) {
  std::vector<postgres::Statement> out;
  if (place.is_there) return out;
  if (sequence.may_alter) {
    out.push_back({fmt::format("ALTER SEQUENCE {} RESTART", sequence.name.sql()), {}});
  }
  out.push_back(
      {fmt::format("SELECT setval({}::regclass, {}, {})",
                   postgres::quote_literal(sequence.name.sql()), place.value, place.called),
       {}});
  return out;
}

}  // namespace pgcycle::load
