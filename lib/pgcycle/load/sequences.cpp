#include "pgcycle/load/sequences.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

namespace {

using catalog::Sequence;

const char* aggregate(const Sequence& sequence) { return sequence.increment < 0 ? "min" : "max"; }

// The furthest value in each column that uses it, as a subquery's rows.
std::string values_in_use(const Sequence& sequence) {
  std::string out;
  for (const catalog::SequenceUse& use : sequence.uses) {
    out +=
        fmt::format("{}SELECT {}({})::bigint AS v FROM {}", out.empty() ? "" : " UNION ALL ",
                    aggregate(sequence), postgres::quote_identifier(use.column), use.table.sql());
  }
  return out;
}

bool has_heirs(const catalog::Schema& schema, const catalog::QualifiedName& table) {
  return std::any_of(schema.tables.begin(), schema.tables.end(), [&table](const auto& other) {
    return std::find(other.inherits.begin(), other.inherits.end(), table) != other.inherits.end();
  });
}

bool is_integer(const catalog::Type& type) {
  constexpr catalog::Oid kInt8 = 20, kInt2 = 21, kInt4 = 23;
  return type.oid == kInt2 || type.oid == kInt4 || type.oid == kInt8;
}

}  // namespace

FurthestValues::FurthestValues(const catalog::Schema& schema,
                               const std::vector<const Sequence*>& sequences,
                               const std::vector<const RowSource*>& sources)
    : columns_of_(sources.size()) {
  std::map<catalog::QualifiedName, std::size_t> numbers;
  for (std::size_t i = 0; i < sources.size(); ++i) numbers[sources[i]->table().name] = i;
  for (const Sequence* sequence : sequences) {
    if (sequence->uses.size() != 1) continue;
    const catalog::SequenceUse& use = sequence->uses.front();
    const auto number = numbers.find(use.table);
    if (number == numbers.end() || has_heirs(schema, use.table)) continue;
    const RowSource& source = *sources[number->second];
    const auto stored = source.table().stored_columns();
    for (const std::size_t i : source.columns()) {
      if (stored[i]->name != use.column || !is_integer(schema.base_type(stored[i]->type))) continue;
      column_of_[sequence] = columns_.size();
      columns_of_[number->second].push_back(columns_.size());
      columns_.push_back({i, sequence->increment < 0, {}, true});
    }
  }
}

void FurthestValues::see(std::size_t source, const fixture::Row& row) {
  for (const std::size_t i : columns_of_[source]) {
    Column& column = columns_[i];
    const auto& text = row.values[column.index];
    if (!text) continue;
    std::int64_t value = 0;
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc() || stop != end) {
      column.is_known = false;
    } else if (!column.furthest ||
               (column.is_descending ? value < *column.furthest : value > *column.furthest)) {
      column.furthest = value;
    }
  }
}

std::optional<std::string> FurthestValues::of(const Sequence& sequence) const {
  const auto number = column_of_.find(&sequence);
  if (number == column_of_.end()) return std::nullopt;
  const Column& column = columns_[number->second];
  if (!column.is_known) return std::nullopt;
  return column.furthest ? std::to_string(*column.furthest) : "NULL";
}

std::string SequencePlace::text() const { return fmt::format("{},{}", value, called); }

postgres::Statement place_of(const Sequence& sequence, const std::optional<std::string>& furthest) {
  std::string used;
  if (furthest) {
    used = *furthest;
  } else if (sequence.uses.size() == 1) {
    used = values_in_use(sequence);
  } else {
    used = fmt::format("SELECT {}(v) FROM ({}) u", aggregate(sequence), values_in_use(sequence));
  }
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
                          rows.empty() ? "" : " UNION ALL ", aggregate(sequence), column,
                          use.table.sql(), column, sequence.minimum, sequence.maximum);
    }
    const postgres::Result within =
        connection.query(fmt::format("SELECT {}(v) FROM ({}) u", aggregate(sequence), rows));
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
