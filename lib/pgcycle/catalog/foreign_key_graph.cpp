#include "pgcycle/catalog/foreign_key_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::catalog {

namespace {

constexpr std::size_t kUnvisited = static_cast<std::size_t>(-1);

// Emits components with every component that they reference before them.
class ComponentFinder {
 public:
  explicit ComponentFinder(const Schema& schema)
      : edges_(schema.tables.size()),
        index_(schema.tables.size(), kUnvisited),
        low_(schema.tables.size(), 0),
        on_stack_(schema.tables.size(), false) {
    const auto position = [&schema](const QualifiedName& name) {
      return static_cast<std::size_t>(schema.find_table(name) - schema.tables.data());
    };
    for (const ForeignKey& key : schema.foreign_keys) {
      if (!key.self_reference()) {
        edges_[position(key.table)].push_back(position(key.referenced_table));
      }
    }
    for (std::size_t table = 0; table < edges_.size(); ++table) {
      std::sort(edges_[table].begin(), edges_[table].end());
      if (index_[table] == kUnvisited) visit(table);
    }
  }

  std::vector<std::vector<std::size_t>> take() { return std::move(components_); }

 private:
  void visit(std::size_t table) {
    index_[table] = low_[table] = next_index_++;
    stack_.push_back(table);
    on_stack_[table] = true;
    for (const std::size_t referenced : edges_[table]) {
      if (index_[referenced] == kUnvisited) {
        visit(referenced);
        low_[table] = std::min(low_[table], low_[referenced]);
      } else if (on_stack_[referenced]) {
        low_[table] = std::min(low_[table], index_[referenced]);
      }
    }
    if (low_[table] != index_[table]) return;
    std::vector<std::size_t> component;
    std::size_t member = 0;
    do {
      member = stack_.back();
      stack_.pop_back();
      on_stack_[member] = false;
      component.push_back(member);
    } while (member != table);
    std::sort(component.begin(), component.end());
    components_.push_back(std::move(component));
  }

  std::vector<std::vector<std::size_t>> edges_;
  std::vector<std::size_t> index_;
  std::vector<std::size_t> low_;
  std::vector<bool> on_stack_;
  std::vector<std::size_t> stack_;
  std::size_t next_index_ = 0;
  std::vector<std::vector<std::size_t>> components_;
};

}  // namespace

std::string ForeignKeyCycle::describe() const {
  std::string out;
  for (const QualifiedName& table : tables) out += table.display() + " → ";
  out += tables.front().display() + " through ";
  for (std::size_t i = 0; i < foreign_keys.size(); ++i) {
    if (i > 0) out += ", ";
    out += postgres::display_identifier(foreign_keys[i]->name);
  }
  return out;
}

LoadOrder load_order(const Schema& schema) {
  LoadOrder order;
  for (const std::vector<std::size_t>& component : ComponentFinder(schema).take()) {
    for (const std::size_t table : component) order.tables.push_back(&schema.tables[table]);
    if (component.size() == 1) continue;
    ForeignKeyCycle cycle;
    for (const std::size_t table : component) cycle.tables.push_back(schema.tables[table].name);
    const auto inside = [&cycle](const QualifiedName& name) {
      return std::find(cycle.tables.begin(), cycle.tables.end(), name) != cycle.tables.end();
    };
    for (const ForeignKey& key : schema.foreign_keys) {
      if (!key.self_reference() && inside(key.table) && inside(key.referenced_table)) {
        cycle.foreign_keys.push_back(&key);
      }
    }
    order.cycles.push_back(std::move(cycle));
  }
  return order;
}

}  // namespace pgcycle::catalog
