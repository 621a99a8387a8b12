// What goes with an object that a migration drops.
//
// Thread rule: one thread, that of the connection.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/migrate/plan.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::migrate {

struct DroppedObject {
  std::string object;                   // "table public.a", "column b of table a"
  bool cascade = false;                 // what depends on it is dropped with it
  std::vector<std::string> dependents;  // views, foreign keys, defaults, …, as the server says
  Location place;                       // of the statement
};

// The drops in the step's SQL of objects that are there and that others depend on. Those that
// the same file makes or drops itself are not found.
std::vector<DroppedObject> dropped_with_dependents(postgres::Connection& connection,
                                                   const Step& step);

// "drops table a, on which depend: view b, …"
std::string describe_drop(const DroppedObject& dropped);

}  // namespace pgcycle::migrate
