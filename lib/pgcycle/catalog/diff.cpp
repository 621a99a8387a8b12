#include "pgcycle/catalog/diff.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::catalog {

namespace {

// The places of columns among those that both tables have.
std::map<std::string, int> common_order(const Inventory& own, const Inventory& other,
                                        const std::string& table) {
  std::vector<const CatalogObject*> columns = own.columns_of(table);
  std::erase_if(columns,
                [&](const CatalogObject* column) { return other.find(column->key) == nullptr; });
  std::map<std::string, int> out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    out[columns[i]->key.name] = static_cast<int>(i + 1);
  }
  return out;
}

bool parent_is_in(const CatalogObject& object, const Inventory& inventory) {
  if (object.parent.empty()) return true;
  for (const char* kind : {"table", "view", "materialized view", "foreign table"}) {
    if (inventory.find({kind, object.parent}) != nullptr) return true;
  }
  return false;
}

class Comparison {
 public:
  Comparison(const Inventory& from, const Inventory& to) : from_(from), to_(to) {}

  std::vector<ObjectChange> run() {
    for (const auto& [key, object] : from_.objects) {
      const CatalogObject* other = to_.find(key);
      if (other == nullptr) {
        if (parent_is_in(object, to_)) out_.push_back({ObjectChange::Kind::removed, key, {}});
      } else {
        add_change(object, *other);
      }
    }
    for (const auto& [key, object] : to_.objects) {
      if (from_.find(key) == nullptr && parent_is_in(object, from_)) {
        out_.push_back({ObjectChange::Kind::added, key, {}});
      }
    }
    std::stable_sort(out_.begin(), out_.end(), [](const ObjectChange& a, const ObjectChange& b) {
      return a.object < b.object;
    });
    return std::move(out_);
  }

 private:
  void add_change(const CatalogObject& object, const CatalogObject& other) {
    ObjectChange change{ObjectChange::Kind::changed, object.key, {}};
    std::set<std::string> names;
    for (const auto& [name, value] : object.properties) names.insert(name);
    for (const auto& [name, value] : other.properties) names.insert(name);
    for (const std::string& name : names) {
      if (name == "number") continue;
      if (object.property(name) == other.property(name)) continue;
      change.properties.push_back({name, object.property(name), other.property(name)});
    }
    if (object.key.kind == "column") compare_order(object, change);
    if (!change.properties.empty()) out_.push_back(std::move(change));
  }

  void compare_order(const CatalogObject& column, ObjectChange& change) {
    if (column.parent != table_) {
      table_ = column.parent;
      from_order_ = common_order(from_, to_, table_);
      to_order_ = common_order(to_, from_, table_);
    }
    const int from = from_order_[column.key.name];
    const int to = to_order_[column.key.name];
    if (from != to) {
      change.properties.push_back({"order", std::to_string(from), std::to_string(to)});
    }
  }

  const Inventory& from_;
  const Inventory& to_;
  std::string table_;
  std::map<std::string, int> from_order_;
  std::map<std::string, int> to_order_;
  std::vector<ObjectChange> out_;
};

// What a table is but for its name: its columns.
std::string shape_of(const Inventory& inventory, const ObjectKey& key) {
  const CatalogObject* object = inventory.find(key);
  std::string out;
  if (key.kind == "column") {
    return object->parent + " " + object->property("type") + " " + object->property("not null") +
           " " + object->property("default") + " " + object->property("generated");
  }
  for (const CatalogObject* column : inventory.parts_of(key.name, "column")) {
    out += column->key.name.substr(key.name.size()) + " " + column->property("type") + "\n";
  }
  return out;
}

}  // namespace

std::string_view name_of(ObjectChange::Kind kind) {
  switch (kind) {
    case ObjectChange::Kind::added:
      return "added";
    case ObjectChange::Kind::removed:
      return "removed";
    case ObjectChange::Kind::changed:
      return "changed";
  }
  return "unknown";
}

std::string to_string(const ObjectChange& change) {
  return fmt::format("{} {} {}", name_of(change.kind), change.object.kind, change.object.name);
}

bool is_only_order(const ObjectChange& change) {
  return change.properties.size() == 1 && change.properties[0].property == "order";
}

std::vector<ObjectChange> compare(const Inventory& from, const Inventory& to) {
  return Comparison(from, to).run();
}

std::vector<RenameGuess> guess_renames(const Inventory& from, const Inventory& to,
                                       const std::vector<ObjectChange>& changes) {
  std::vector<RenameGuess> out;
  std::set<ObjectKey> taken;
  for (const ObjectChange& removed : changes) {
    const bool can = removed.object.kind == "table" || removed.object.kind == "column";
    if (removed.kind != ObjectChange::Kind::removed || !can) continue;
    for (const ObjectChange& added : changes) {
      if (added.kind != ObjectChange::Kind::added || added.object.kind != removed.object.kind ||
          taken.contains(added.object) ||
          shape_of(from, removed.object) != shape_of(to, added.object)) {
        continue;
      }
      taken.insert(added.object);
      out.push_back({removed.object, added.object});
      break;
    }
  }
  return out;
}

}  // namespace pgcycle::catalog
