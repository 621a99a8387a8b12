#include "pgcycle/catalog/inventory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "catalog/embedded_sql.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::catalog {

namespace {

using postgres::Result;

std::string text_of(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string out;
    for (const auto& item : value) out += (out.empty() ? "" : "\n") + text_of(item);
    return out;
  }
  if (value.is_object()) {
    std::string out;
    for (const auto& [name, item] : value.items()) {
      out += (out.empty() ? "" : "\n") + name + " " + text_of(item);
    }
    return out;
  }
  return value.dump();
}

void add_objects(Inventory& inventory, const Result& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CatalogObject object;
    object.key = {rows.get(i, 0), rows.get(i, 1)};
    object.parent = rows.get(i, 2);
    object.class_oid = static_cast<std::uint32_t>(rows.integer(i, 3));
    object.oid = static_cast<std::uint32_t>(rows.integer(i, 4));
    const auto properties = nlohmann::json::parse(rows.text(i, 5));
    for (const auto& [name, value] : properties.items()) {
      object.properties[name] = text_of(value);
    }
    inventory.objects.emplace(object.key, std::move(object));
  }
}

// The place of a column among those that are there: numbers keep gaps of dropped ones.
void number_columns(Inventory& inventory) {
  std::map<std::string, std::vector<CatalogObject*>> by_table;
  for (auto& [key, object] : inventory.objects) {
    if (key.kind == "column") by_table[object.parent].push_back(&object);
  }
  for (auto& [table, columns] : by_table) {
    std::sort(columns.begin(), columns.end(), [](const CatalogObject* a, const CatalogObject* b) {
      return std::stoi(a->property("number")) < std::stoi(b->property("number"));
    });
    for (std::size_t i = 0; i < columns.size(); ++i) {
      columns[i]->attribute = std::stoi(columns[i]->property("number"));
      columns[i]->properties["number"] = std::to_string(i + 1);
    }
  }
}

void add_dependencies(Inventory& inventory, const Result& rows) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, ObjectKey> by_oid;
  std::map<std::pair<std::uint32_t, int>, ObjectKey> columns;
  for (const auto& [key, object] : inventory.objects) {
    if (key.kind == "column") {
      columns.emplace(std::pair(object.oid, object.attribute), key);
    } else {
      by_oid.emplace(std::pair(object.class_oid, object.oid), key);
    }
  }
  const auto at = [&](std::size_t row, std::size_t column) {
    const auto found = by_oid.find({static_cast<std::uint32_t>(rows.integer(row, column)),
                                    static_cast<std::uint32_t>(rows.integer(row, column + 1))});
    return found == by_oid.end() ? nullptr : &found->second;
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ObjectKey* object = at(i, 0);
    const ObjectKey* needed = at(i, 2);
    if (object == nullptr || needed == nullptr || *object == *needed) continue;
    inventory.needs[*object].insert(*needed);
    const auto column = columns.find(
        {static_cast<std::uint32_t>(rows.integer(i, 3)), static_cast<int>(rows.integer(i, 4))});
    if (column != columns.end() && needed->kind != "constraint") {
      inventory.needs[*object].insert(column->second);
    }
  }
  // A base type's functions need it as well: they come first, once it has a name.
  for (const auto& [key, object] : inventory.objects) {
    if (key.kind != "base type") continue;
    for (const ObjectKey& function : inventory.needs[key]) inventory.needs[function].erase(key);
  }
  for (const auto& [key, object] : inventory.objects) {
    if (object.parent.empty() || key.kind == "column") continue;
    for (const char* kind : {"table", "view", "materialized view", "foreign table"}) {
      const ObjectKey parent{kind, object.parent};
      if (inventory.objects.contains(parent)) inventory.needs[key].insert(parent);
    }
  }
}

}  // namespace

const std::string& CatalogObject::property(const std::string& name) const {
  static const std::string kNone;
  const auto found = properties.find(name);
  return found == properties.end() ? kNone : found->second;
}

std::vector<std::string> values_of(const std::string& property) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < property.size();) {
    const std::size_t end = std::min(property.find('\n', at), property.size());
    out.push_back(property.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::vector<const CatalogObject*> Inventory::columns_of(const std::string& table) const {
  // Their names begin with the table's, so that they stand together.
  const std::string prefix = table + ".";
  std::vector<const CatalogObject*> out;
  for (auto at = objects.lower_bound({"column", prefix});
       at != objects.end() && at->first.kind == "column" && at->first.name.starts_with(prefix);
       ++at) {
    if (at->second.parent == table) out.push_back(&at->second);
  }
  std::sort(out.begin(), out.end(), [](const CatalogObject* a, const CatalogObject* b) {
    return std::stoi(a->property("number")) < std::stoi(b->property("number"));
  });
  return out;
}

const CatalogObject* Inventory::find(const ObjectKey& key) const {
  const auto found = objects.find(key);
  return found == objects.end() ? nullptr : &found->second;
}

std::vector<const CatalogObject*> Inventory::parts_of(const std::string& parent,
                                                      const std::string& kind) const {
  std::vector<const CatalogObject*> out;
  for (auto at = objects.lower_bound({kind, {}}); at != objects.end() && at->first.kind == kind;
       ++at) {
    if (at->second.parent == parent) out.push_back(&at->second);
  }
  return out;
}

Inventory load_inventory(postgres::Connection& connection, InventoryDetail detail) {
  std::vector<postgres::Statement> statements{{"SELECT set_config('search_path', '', true)", {}},
                                              {std::string(sql::inventory_relations), {}},
                                              {std::string(sql::inventory_parts), {}},
                                              {std::string(sql::inventory_routines), {}},
                                              {std::string(sql::inventory_others), {}},
                                              {std::string(sql::inventory_default_privileges), {}}};
  constexpr int kFirstWithPublishedSchemas = 150000;
  const bool schemas = connection.server_version() >= kFirstWithPublishedSchemas;
  statements.push_back(
      {std::string(schemas ? sql::inventory_published_15 : sql::inventory_published), {}});
  const std::size_t objects = statements.size();
  if (detail == InventoryDetail::with_dependencies) {
    statements.push_back({std::string(sql::inventory_dependencies), {}});
  }
  std::optional<std::string> path;  // of the transaction that goes on
  if (connection.in_transaction()) {
    path = connection.query("SELECT current_setting('search_path')").get(0, 0);
  }
  const std::vector<Result> rows = connection.query_all(statements);
  if (path) connection.query("SELECT set_config('search_path', $1, true)", {path});
  Inventory inventory;
  for (std::size_t i = 1; i < objects; ++i) add_objects(inventory, rows[i]);
  number_columns(inventory);
  if (detail == InventoryDetail::with_dependencies) add_dependencies(inventory, rows[objects]);
  return inventory;
}

std::string fingerprint(const Inventory& inventory) {
  Sha256 hash;
  for (const auto& [key, object] : inventory.objects) {
    hash.update(fmt::format("{} {}\n", key.kind, key.name));
    for (const auto& [name, value] : object.properties) {
      hash.update(fmt::format("{}={}\n", name, value));
    }
  }
  return to_hex(hash.finish());
}

}  // namespace pgcycle::catalog
