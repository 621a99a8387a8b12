// Which file gave which value of the rows that a seed would load.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pgcycle/load/seed_plan.hpp"

namespace pgcycle::load {

struct ExplainedValue {
  std::string column;
  std::string from;  // "record", "factory", "allotted", "default"
  Location place;
};

struct ExplainedRow {
  std::string table;
  std::string key;  // "id=4"; empty without a primary key
  Location place;   // of the row in its fixture, or of the record that makes it
  bool is_new = false;
  std::vector<ExplainedValue> values;  // those that the fixture did not give
};

// Every row, table by table.
void explain(const SeedPlan& plan, const std::function<void(const ExplainedRow&)>& sink);

}  // namespace pgcycle::load
