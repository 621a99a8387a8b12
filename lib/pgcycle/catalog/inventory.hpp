// All objects of a database as the catalogue describes them: what two databases are compared by.
//
// Wider than `Schema`, which knows what rows depend on: also views, functions, triggers,
// policies, grants, comments, options. Owners, tablespaces and what belongs to an extension are
// left out, and so are pgcycle's own schema and PostgreSQL's.
//
// Thread rule: a value after loading.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::catalog {

struct ObjectKey {
  std::string kind;  // "table", "column", "constraint", "view", …
  std::string name;  // as SQL: "public.users", "public.users.email", "public.users users_pkey"

  auto operator<=>(const ObjectKey&) const = default;
};

struct CatalogObject {
  ObjectKey key;
  std::string parent;                             // table or view that it is a part of
  std::map<std::string, std::string> properties;  // by name; a list is one value a line
  std::uint32_t class_oid = 0;
  std::uint32_t oid = 0;
  int attribute = 0;  // of a column: its number in the catalogue

  // Empty where it has no such property.
  const std::string& property(const std::string& name) const;
};

// The values of a property that is a list.
std::vector<std::string> values_of(const std::string& property);

struct Inventory {
  std::map<ObjectKey, CatalogObject> objects;
  // What each object needs, both in `objects`: of a column also the table.
  std::map<ObjectKey, std::set<ObjectKey>> needs;

  const CatalogObject* find(const ObjectKey& key) const;
  // A table's columns, in their order.
  std::vector<const CatalogObject*> columns_of(const std::string& table) const;
  // Those whose parent is this, of this kind.
  std::vector<const CatalogObject*> parts_of(const std::string& parent,
                                             const std::string& kind) const;
};

enum class InventoryDetail { with_dependencies, objects_only };

// Reads the catalogue. Names in definitions are qualified, whatever the session's search_path.
Inventory load_inventory(postgres::Connection& connection,
                         InventoryDetail detail = InventoryDetail::objects_only);

// SHA-256 in hex over all objects and properties; columns by their order, not their number.
std::string fingerprint(const Inventory& inventory);

}  // namespace pgcycle::catalog
