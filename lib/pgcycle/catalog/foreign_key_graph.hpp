// The order in which tables can be loaded, and the cycles that stand against it.
//
// Strongly connected components by Tarjan, "Depth-first search and linear graph
// algorithms" (1972), in an order that depends on names alone.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"

namespace pgcycle::catalog {

// Tables that reference one another in a circle, with the constraints that
// close it. A table that only references itself is no cycle.
struct ForeignKeyCycle {
  std::vector<QualifiedName> tables;
  std::vector<const ForeignKey*> foreign_keys;

  // "a → b → a through constraint x, y"
  std::string describe() const;
};

struct LoadOrder {
  // Referenced tables before those that reference them; the tables of a cycle
  // stand together.
  std::vector<const Table*> tables;
  std::vector<ForeignKeyCycle> cycles;
};

LoadOrder load_order(const Schema& schema);

}  // namespace pgcycle::catalog
