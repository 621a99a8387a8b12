#include "pgcycle/load/explain.hpp"

#include <fmt/format.h>

namespace pgcycle::load {

namespace {

using fixture::CellOrigin;

std::string name_of(CellOrigin::Kind kind) {
  switch (kind) {
    case CellOrigin::Kind::record:
      return "record";
    case CellOrigin::Kind::factory:
      return "factory";
    case CellOrigin::Kind::allotted:
      return "allotted";
    case CellOrigin::Kind::default_value:
      return "default";
  }
  return "unknown";
}

std::string key_of(const catalog::Table& table, const fixture::Row& row) {
  const auto columns = table.stored_columns();
  std::string out;
  for (const std::string& name : table.primary_key()) {
    const auto index = fixture::stored_column_index(columns, name);
    if (!index) return {};
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", name,
                       row.values[*index].value_or("(by the server)"));
  }
  return out;
}

}  // namespace

void explain(const SeedPlan& plan, const std::function<void(const ExplainedRow&)>& sink) {
  for (const RowSource& source : plan.sources) {
    const catalog::Table& table = source.table();
    const auto merged = plan.merged.tables.find(table.name);
    const auto columns = table.stored_columns();
    std::size_t number = 0;
    source.for_each([&](const fixture::Row& row) {
      ExplainedRow out{table.name.display(), key_of(table, row), row.place, false, {}};
      if (merged != plan.merged.tables.end()) {
        const auto& origins = merged->second.origins;
        for (auto at = origins.lower_bound({number, 0});
             at != origins.end() && at->first.first == number; ++at) {
          out.values.push_back(
              {columns[at->first.second]->name, name_of(at->second.kind), at->second.place});
        }
        out.is_new = number >= merged->second.first_new_row;
      }
      sink(out);
      ++number;
      return true;
    });
  }
}

}  // namespace pgcycle::load
