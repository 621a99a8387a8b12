// What differs between two inventories, and the SQL that makes one of the other.
//
// Thread rule: free functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/inventory.hpp"

namespace pgcycle::catalog {

struct PropertyChange {
  std::string property;
  std::string from;
  std::string to;
};

struct ObjectChange {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  ObjectKey object;
  std::vector<PropertyChange> properties;  // of one that changed
};

std::string_view name_of(ObjectChange::Kind kind);

// "added table public.users".
std::string to_string(const ObjectChange& change);

// Whether only the place of a column among the others changed.
bool is_only_order(const ObjectChange& change);

// In the order of kind and name. What goes or comes with its table is left out. Columns are
// compared by name, and their order among those that both tables have.
std::vector<ObjectChange> compare(const Inventory& from, const Inventory& to);

// A pair that looks like one object under two names: same kind, and the same but for the name.
struct RenameGuess {
  ObjectKey from;
  ObjectKey to;
};
std::vector<RenameGuess> guess_renames(const Inventory& from, const Inventory& to,
                                       const std::vector<ObjectChange>& changes);

struct MigrationSql {
  std::vector<std::string> statements;   // without semicolons, in the order to run them
  std::vector<std::string> not_written;  // differences that no statement here removes
  bool needs_own_transactions = false;   // a new value of an enum is used at once
};

// Both with dependencies.
MigrationSql migration_sql(const Inventory& from, const Inventory& to);

}  // namespace pgcycle::catalog
