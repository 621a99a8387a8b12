#include "pgcycle/catalog/made_again.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "pgcycle/catalog/object_kinds.hpp"

namespace pgcycle::catalog {

namespace {

class Choice {
 public:
  explicit Choice(const ChangeSet& changes) : changes_(changes) {}

  std::set<ObjectKey> run() {
    std::vector<ObjectKey> open;
    for (const auto& [key, change] : changes_.all()) {
      if (change.kind == ObjectChange::Kind::changed && needs_making_again(key)) {
        open.push_back(key);
      }
      if (change.kind == ObjectChange::Kind::removed) open.push_back(key);
      if (changes_columns_under_others(key)) open.push_back(key);
      if (key.kind == "enum" && changes_.relabels(key)) {
        // Its columns change under what uses them; expressions and arguments name the type alone.
        open.push_back(key);
        for (const ObjectKey& column : changes_.columns_of_type(key.name)) open.push_back(column);
      }
    }
    std::map<ObjectKey, std::vector<ObjectKey>> needed_by;
    for (const auto& [key, needs] : changes_.from().needs) {
      for (const ObjectKey& need : needs) needed_by[need].push_back(key);
    }
    std::set<ObjectKey> seen(open.begin(), open.end());
    while (!open.empty()) {
      const ObjectKey key = open.back();
      open.pop_back();
      if (can_be_made_again(key.kind)) again_.insert(key);
      for (const ObjectKey& user : needed_by[key]) {
        // The server rebuilds these itself when a column of their table changes.
        const bool is_part =
            key.kind == "column" && changes_.from().find(user)->parent == changes_.parent_of(key) &&
            (user.kind == "index" || user.kind == "constraint" || user.kind == "statistics");
        if (is_part || !can_be_made_again(user.kind) || !seen.insert(user).second) continue;
        open.push_back(user);
      }
    }
    if (makes_what_has_grants()) hold_back_default_privileges();
    return std::move(again_);
  }

 private:
  bool needs_making_again(const ObjectKey& key) const {
    if (is_routine(key.kind)) {
      return key.kind == "aggregate" || changes_.of(key, "result") != nullptr ||
             changes_.of(key, "arguments") != nullptr;
    }
    if (!can_be_made_again(key.kind)) return false;
    const ObjectChange& change = *changes_.of(key);
    return std::any_of(change.properties.begin(), change.properties.end(),
                       [](const PropertyChange& one) {
                         return one.property != "comment" && one.property != "grants" &&
                                one.property != "enabled" && one.property != "options" &&
                                one.property != "clustered" && one.property != "index comment";
                       });
  }

  bool changes_columns_under_others(const ObjectKey& key) const {
    if (key.kind != "column") return false;
    return changes_.is(key, ObjectChange::Kind::removed) || changes_.of(key, "type") != nullptr ||
           changes_.of(key, "generated") != nullptr || changes_.of(key, "collation") != nullptr;
  }

  bool makes_what_has_grants() const {
    const auto has_grants = [](const std::string& kind) {
      return is_relation(kind) || is_routine(kind) || is_type(kind) || kind == "schema";
    };
    return std::any_of(changes_.all().begin(), changes_.all().end(),
                       [&](const auto& change) {
                         return change.second.kind == ObjectChange::Kind::added &&
                                has_grants(change.first.kind);
                       }) ||
           std::any_of(again_.begin(), again_.end(), [&](const ObjectKey& key) {
             return has_grants(key.kind) && !changes_.is(key, ObjectChange::Kind::removed);
           });
  }

  // What is made has the grants that it has there, and no others.
  void hold_back_default_privileges() {
    for (const auto& [key, object] : changes_.from().objects) {
      if (key.kind == "default privileges") again_.insert(key);
    }
  }

  const ChangeSet& changes_;
  std::set<ObjectKey> again_;
};

}  // namespace

std::set<ObjectKey> made_again(const ChangeSet& changes) { return Choice(changes).run(); }

}  // namespace pgcycle::catalog
