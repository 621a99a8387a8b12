#include "pgcycle/catalog/change_set.hpp"

#include <algorithm>
#include <utility>

namespace pgcycle::catalog {

ChangeSet::ChangeSet(const Inventory& from, const Inventory& to) : from_(from), to_(to) {
  for (ObjectChange& change : compare(from, to)) {
    const ObjectKey key = change.object;
    changes_.emplace(key, std::move(change));
  }
}

const ObjectChange* ChangeSet::of(const ObjectKey& key) const {
  const auto found = changes_.find(key);
  return found == changes_.end() ? nullptr : &found->second;
}

const PropertyChange* ChangeSet::of(const ObjectKey& key, const std::string& property) const {
  const ObjectChange* change = of(key);
  if (change == nullptr || change->kind != ObjectChange::Kind::changed) return nullptr;
  for (const PropertyChange& one : change->properties) {
    if (one.property == property) return &one;
  }
  return nullptr;
}

bool ChangeSet::is(const ObjectKey& key, ObjectChange::Kind kind) const {
  const ObjectChange* change = of(key);
  return change != nullptr && change->kind == kind;
}

std::string ChangeSet::parent_of(const ObjectKey& key) const {
  const CatalogObject* object = from_.find(key);
  return object == nullptr ? std::string() : object->parent;
}

bool ChangeSet::removes_relation(const std::string& name) const {
  for (const char* kind : {"table", "view", "materialized view", "foreign table"}) {
    if (is({kind, name}, ObjectChange::Kind::removed)) return true;
  }
  return false;
}

bool ChangeSet::relabels(const ObjectKey& key) const {
  const PropertyChange* labels = of(key, "labels");
  if (labels == nullptr) return false;
  const auto from = values_of(labels->from);
  const auto to = values_of(labels->to);
  std::size_t at = 0;
  for (const std::string& label : to) {
    if (at < from.size() && from[at] == label) ++at;
  }
  return at < from.size();
}

bool ChangeSet::relabels_type(const std::string& type) const {
  const ObjectKey key{"enum", type.ends_with("[]") ? type.substr(0, type.size() - 2) : type};
  return of(key) != nullptr && relabels(key);
}

std::vector<ObjectKey> ChangeSet::columns_of_type(const std::string& type) const {
  std::vector<ObjectKey> out;
  for (const auto& [key, object] : from_.objects) {
    if (key.kind == "column" &&
        (object.property("type") == type || object.property("type") == type + "[]")) {
      out.push_back(key);
    }
  }
  return out;
}

}  // namespace pgcycle::catalog
