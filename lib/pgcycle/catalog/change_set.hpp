// The changes between two inventories, by object. Internal to this folder.
//
// Thread rule: const, thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pgcycle/catalog/diff.hpp"

namespace pgcycle::catalog {

class ChangeSet {
 public:
  // Both must outlive this.
  ChangeSet(const Inventory& from, const Inventory& to);

  const Inventory& from() const { return from_; }
  const Inventory& to() const { return to_; }
  const std::map<ObjectKey, ObjectChange>& all() const { return changes_; }

  // Null where there is none; of a property, where the object is in both.
  const ObjectChange* of(const ObjectKey& key) const;
  const PropertyChange* of(const ObjectKey& key, const std::string& property) const;
  bool is(const ObjectKey& key, ObjectChange::Kind kind) const;

  // The old object's; empty where there is none.
  std::string parent_of(const ObjectKey& key) const;
  bool removes_relation(const std::string& name) const;

  // Labels of the enum went or moved, which no ALTER TYPE can do.
  bool relabels(const ObjectKey& type) const;
  // The same of a column's type, which may be an array of it.
  bool relabels_type(const std::string& type) const;
  // The old ones, also those of its arrays.
  std::vector<ObjectKey> columns_of_type(const std::string& type) const;

 private:
  const Inventory& from_;
  const Inventory& to_;
  std::map<ObjectKey, ObjectChange> changes_;
};

}  // namespace pgcycle::catalog
