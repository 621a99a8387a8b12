// The SQL that makes one inventory of another: what depends on something that must go is dropped
// first and made again at the end; everything else is made or altered in the order in which the
// new database's objects need each other.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "pgcycle/catalog/change_set.hpp"
#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/catalog/made_again.hpp"
#include "pgcycle/catalog/migration_draft.hpp"
#include "pgcycle/catalog/object_kinds.hpp"
#include "pgcycle/catalog/object_sql.hpp"
#include "pgcycle/catalog/table_sql.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::catalog {

namespace {

using postgres::quote_literal;

class Writer {
 public:
  Writer(const Inventory& from, const Inventory& to)
      : changes_(from, to), again_(made_again(changes_)), tables_(changes_, draft_) {}

  MigrationSql run() {
    drop_what_is_in_the_way();
    tables_.untie();
    drop_data_objects();
    make_schemas();
    name_base_types();
    make_and_alter();
    own_sequences();
    drop_the_rest();
    for (const std::string& label : new_labels_) {
      for (const std::string& statement : draft_.sql.statements) {
        const bool uses = statement.find(label) != std::string::npos &&
                          statement.find("ADD VALUE") == std::string::npos;
        draft_.sql.needs_own_transactions = draft_.sql.needs_own_transactions || uses;
      }
    }
    return std::move(draft_.sql);
  }

 private:
  // Keys in an order in which each stands behind all that it needs.
  std::vector<ObjectKey> in_order(const Inventory& inventory,
                                  const std::set<ObjectKey>& keys) const {
    std::vector<ObjectKey> sorted(keys.begin(), keys.end());
    std::stable_sort(sorted.begin(), sorted.end(), [&](const ObjectKey& a, const ObjectKey& b) {
      return std::pair(rank_of(a.kind), place_of(inventory, a)) <
             std::pair(rank_of(b.kind), place_of(inventory, b));
    });
    std::vector<ObjectKey> out;
    std::set<ObjectKey> done;
    const std::function<void(const ObjectKey&)> visit = [&](const ObjectKey& key) {
      if (!done.insert(key).second) return;
      const auto needs = inventory.needs.find(key);
      if (needs != inventory.needs.end()) {
        for (const ObjectKey& need : needs->second) {
          if (keys.contains(need)) visit(need);
        }
      }
      out.push_back(key);
    };
    for (const ObjectKey& key : sorted) visit(key);
    return out;
  }

  // Among constraints: one that is inherited too stays until the parent's is gone; foreign keys
  // need the keys of others.
  static int place_of(const Inventory& inventory, const ObjectKey& key) {
    const CatalogObject* object = inventory.find(key);
    if (object == nullptr || key.kind != "constraint") return 0;
    if (!object->property("inherited too").empty()) return -1;
    return is_foreign_key(inventory, key) ? 1 : 0;
  }

  static bool is_foreign_key(const Inventory& inventory, const ObjectKey& key) {
    const CatalogObject* object = inventory.find(key);
    return object != nullptr && object->property("type") == "foreign key";
  }

  void drop_what_is_in_the_way() {
    std::vector<ObjectKey> order = in_order(changes_.from(), again_);
    std::reverse(order.begin(), order.end());
    for (const ObjectKey& key : order) {
      const bool late = goes_behind_tables(key.kind) && !needs_what_goes_before(key);
      if (late && changes_.is(key, ObjectChange::Kind::removed)) continue;
      const bool goes_with_table = changes_.removes_relation(changes_.parent_of(key)) &&
                                   !is_foreign_key(changes_.from(), key) &&
                                   !needs_what_goes_before(key);
      if (goes_with_table) continue;
      drop(*changes_.from().find(key));
    }
  }

  // A table's part that uses a view, or another table, which may go before its own; a function of
  // a table's rows, or of an enum that gets another name.
  bool needs_what_goes_before(const ObjectKey& key) {
    const auto needs = changes_.from().needs.find(key);
    if (needs == changes_.from().needs.end()) return false;
    const auto [known, is_new] = goes_early_.emplace(key, false);
    if (is_new) known->second = needs_one_that_goes_before(key, needs->second);
    return known->second;
  }

  bool needs_one_that_goes_before(const ObjectKey& key, const std::set<ObjectKey>& needs) {
    const std::string table = changes_.parent_of(key);
    return std::any_of(needs.begin(), needs.end(), [&](const ObjectKey& need) {
      if (need.kind == "enum" && changes_.relabels(need)) return true;
      const bool goes = again_.contains(need) || changes_.is(need, ObjectChange::Kind::removed);
      const bool own = !table.empty() && (need.name == table || changes_.parent_of(need) == table);
      if (!goes || own || is_type(need.kind) || need.kind == "schema") return false;
      return !goes_behind_tables(need.kind) || needs_what_goes_before(need);
    });
  }

  void drop(const CatalogObject& object) {
    const std::string& kind = object.key.kind;
    const auto on_parent = [&](const std::string& name) {
      return fmt::format("DROP {} IF EXISTS {} ON {}", upper(kind), name, object.parent);
    };
    if (kind == "constraint") {
      if (!is_managed(object)) {
        draft_.say(fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", object.parent,
                               object.property("constraint")));
      }
    } else if (kind == "trigger" || kind == "policy" || kind == "rule") {
      draft_.say(on_parent(object.property(kind)));
    } else if (!object.property("removal").empty()) {
      draft_.say(values_of(object.property("removal")));
    } else if (kind == "base type") {
      draft_.say(
          fmt::format("DROP TYPE IF EXISTS {} CASCADE", object.key.name));  // and its functions
    } else if (is_type(kind)) {
      draft_.say(fmt::format("DROP {} IF EXISTS {}", kind == "domain" ? "DOMAIN" : "TYPE",
                             object.key.name));
    } else {
      draft_.say(fmt::format("DROP {} IF EXISTS {}", upper(kind), object.key.name));
    }
  }

  // Tables and sequences that are gone.
  void drop_data_objects() {
    std::set<ObjectKey> gone;
    for (const auto& [key, change] : changes_.all()) {
      if (change.kind != ObjectChange::Kind::removed) continue;
      if (key.kind == "table" || key.kind == "foreign table") gone.insert(key);
    }
    std::vector<ObjectKey> order = in_order(changes_.from(), gone);
    std::reverse(order.begin(), order.end());
    for (const ObjectKey& key : order) drop(*changes_.from().find(key));
  }

  void drop_the_rest() {
    std::set<ObjectKey> gone;
    for (const auto& [key, change] : changes_.all()) {
      if (change.kind != ObjectChange::Kind::removed) continue;
      const bool late =
          goes_behind_tables(key.kind) || is_type(key.kind) || key.kind == "schema" ||
          key.kind == "extension" ||
          (key.kind == "sequence" && !goes_with_its_column(*changes_.from().find(key)));
      if (late) gone.insert(key);
      if (rank_of(key.kind) == kUnknownRank) draft_.cannot(key, "is gone");
    }
    std::vector<ObjectKey> order = in_order(changes_.from(), gone);
    std::reverse(order.begin(), order.end());
    for (const ObjectKey& key : order) drop(*changes_.from().find(key));
  }

  bool goes_with_its_column(const CatalogObject& sequence) const {
    const CatalogObject* owner = changes_.from().find({"column", sequence.property("owned by")});
    return is_managed(sequence) ||
           (owner != nullptr && (changes_.removes_relation(owner->parent) ||
                                 changes_.is(owner->key, ObjectChange::Kind::removed)));
  }

  void make_schemas() {
    for (const auto& [key, object] : changes_.to().objects) {
      if (key.kind == "schema" && changes_.of(key) != nullptr) make_or_alter(object);
    }
  }

  // Their functions need them, and they their functions: a name comes first.
  void name_base_types() {
    for (const auto& [key, change] : changes_.all()) {
      const bool added = key.kind == "base type" && change.kind == ObjectChange::Kind::added;
      if (added) draft_.say("CREATE TYPE " + key.name);
    }
  }

  void make_and_alter() {
    std::set<ObjectKey> keys;
    for (const auto& [key, object] : changes_.to().objects) {
      if (key.kind == "column" || key.kind == "schema" || is_managed(object)) continue;
      const bool new_parent = !object.parent.empty() &&
                              changes_.from().find({"table", object.parent}) == nullptr &&
                              changes_.from().find({"view", object.parent}) == nullptr &&
                              changes_.from().find({"materialized view", object.parent}) == nullptr;
      if (changes_.of(key) != nullptr || again_.contains(key) || new_parent) keys.insert(key);
    }
    for (const auto& [key, change] : changes_.all()) {
      if (key.kind != "column") continue;
      const CatalogObject* column =
          changes_.to().find(key) != nullptr ? changes_.to().find(key) : changes_.from().find(key);
      for (const char* kind : {"table", "foreign table"}) {
        if (changes_.to().find({kind, column->parent}) != nullptr)
          keys.insert({kind, column->parent});
      }
    }
    for (const auto& [key, change] : changes_.all()) {
      if (key.kind == "enum" && changes_.relabels(key)) {
        for (const ObjectKey& column : changes_.columns_of_type(key.name)) {
          const ObjectKey table{"table", changes_.parent_of(column)};
          if (changes_.to().find(table) != nullptr) keys.insert(table);
        }
      }
    }
    bool bodies = true;
    for (const ObjectKey& key : in_order(changes_.to(), keys)) {
      const bool routine = is_routine(key.kind);
      if (routine && bodies) {  // a body may name what comes later
        draft_.say("SET check_function_bodies = off");
        bodies = false;
      }
      make_or_alter(*changes_.to().find(key));
    }
  }

  void make_or_alter(const CatalogObject& object) {
    const ObjectKey& key = object.key;
    const CatalogObject* old = changes_.from().find(key);
    const bool make = old == nullptr || again_.contains(key);
    if (make) {
      create(object);
      draft_.say(set_comment(object, {}));
      draft_.say(set_column_comments(object, {}));
      draft_.say(set_check_comments(object, {}));
      draft_.say(set_index_comment(object, {}));
      draft_.say(set_clustered(object, {}));
      draft_.say(set_grants(object, is_routine(key.kind) ? "PUBLIC EXECUTE"
                                    : is_type(key.kind)  ? "PUBLIC USAGE"
                                                         : ""));
    } else {
      alter(*old, object);
      draft_.say(set_comment(object, old->property("comment")));
      draft_.say(set_column_comments(object, old->property("column comments")));
      draft_.say(set_check_comments(object, old->property("check comments")));
      draft_.say(set_index_comment(object, old->property("index comment")));
      draft_.say(set_clustered(object, old->property("clustered")));
      draft_.say(set_grants(object, old->property("grants")));
    }
  }

  void create(const CatalogObject& object) {
    const std::string& kind = object.key.kind;
    const std::string& name = object.key.name;
    if (kind == "schema") {
      draft_.say(fmt::format("CREATE SCHEMA {}", name));
    } else if (kind == "extension") {
      draft_.say(
          fmt::format("CREATE EXTENSION {} WITH SCHEMA {}", name, object.property("schema")));
    } else if (kind == "sequence") {
      draft_.say(create_sequence(object));
    } else if (kind == "table" || kind == "foreign table") {
      tables_.create(object);
    } else if (kind == "view") {
      const std::string options = options_clause(object);
      draft_.say(fmt::format("CREATE VIEW {}{} AS {}", name, options, definition_of(object)));
    } else if (kind == "materialized view") {
      draft_.say(fmt::format("CREATE MATERIALIZED VIEW {}{}{} AS {}", name,
                             access_method_clause(object), options_clause(object),
                             definition_of(object)));
    } else if (kind == "constraint") {
      draft_.say(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", object.parent,
                             object.property("constraint"), object.property("definition")));
    } else if (kind == "policy") {
      draft_.say(create_policy(object));
    } else if (kind == "aggregate") {
      draft_.say(fmt::format("CREATE AGGREGATE {} ({})", name, object.property("definition")));
    } else if (is_type(kind)) {
      draft_.say(create_type(object));
    } else if (kind == "trigger" || kind == "rule") {
      draft_.say(definition_of(object));
      set_trigger_state(object);
    } else if (kind == "function" || kind == "procedure" || kind == "index" ||
               kind == "statistics") {
      draft_.say(definition_of(object));
    } else if (is_made_by_statements(kind)) {
      draft_.say(values_of(object.property("definition")));
      set_trigger_state(object);
    } else {
      draft_.cannot(object.key, "is not there");
    }
  }

  void alter(const CatalogObject& old, const CatalogObject& object) {
    const std::string& kind = object.key.kind;
    if (kind == "table" || kind == "foreign table") {
      tables_.alter(old, object);
    } else if (kind == "sequence") {
      draft_.say(alter_sequence(old, object));
    } else if (kind == "enum") {
      alter_enum(old, object);
    } else if (kind == "domain") {
      if (old.property("base") != object.property("base")) {
        draft_.cannot(object.key, "the type under a domain cannot be changed");
      }
      draft_.say(alter_domain(old, object));
    } else if (kind == "composite type") {
      draft_.say(alter_composite(old, object));
    } else if (kind == "function" || kind == "procedure") {
      if (old.property("definition") != object.property("definition"))
        draft_.say(definition_of(object));
    } else if (kind == "trigger" || kind == "rule" || kind == "event trigger") {
      set_trigger_state(object);
    } else if (kind == "extension") {
      if (old.property("version") != object.property("version")) {
        draft_.say(fmt::format("ALTER EXTENSION {} UPDATE TO {}", object.key.name,
                               quote_literal(object.property("version"))));
      }
    } else if (kind == "view" || kind == "materialized view") {
      draft_.say(alter_options(old, object));
    }
  }

  void set_trigger_state(const CatalogObject& trigger) {
    const std::string& state = trigger.property("enabled");
    const CatalogObject* old = changes_.from().find(trigger.key);
    const bool same =
        old != nullptr && !again_.contains(trigger.key) && old->property("enabled") == state;
    if (same || (state.empty() && (old == nullptr || again_.contains(trigger.key)))) return;
    const std::string enable = state.empty() ? "ENABLE" : state;
    if (trigger.key.kind == "event trigger") {
      draft_.say(fmt::format("ALTER EVENT TRIGGER {} {}", trigger.key.name, enable));
    } else if (trigger.key.kind == "rule") {
      draft_.say(fmt::format("ALTER TABLE {} {} RULE {}", trigger.parent, enable,
                             trigger.property("rule")));
    } else if (trigger.key.kind == "trigger") {
      draft_.say(fmt::format("ALTER TABLE {} {} TRIGGER {}", trigger.parent, enable,
                             trigger.property("trigger")));
    }
  }

  void own_sequences() {
    for (const auto& [key, sequence] : changes_.to().objects) {
      if (key.kind != "sequence" || is_managed(sequence)) continue;
      const CatalogObject* old = changes_.from().find(key);
      const std::string before = old == nullptr ? std::string() : old->property("owned by");
      if (before == sequence.property("owned by")) continue;
      draft_.say(fmt::format(
          "ALTER SEQUENCE {} OWNED BY {}", key.name,
          sequence.property("owned by").empty() ? "NONE" : sequence.property("owned by")));
    }
    for (std::string& statement : draft_.later) draft_.say(std::move(statement));
    draft_.later.clear();
  }

  void alter_enum(const CatalogObject& old, const CatalogObject& type) {
    if (old.property("labels") == type.property("labels")) return;
    const std::string& name = type.key.name;
    if (changes_.relabels(type.key)) {
      // The old type goes once no column has it any more.
      const std::size_t dot = name.find('.');
      const std::string schema = name.substr(0, dot);
      const std::string aside = fmt::format("pgcycle_old_{}", old_types_++);
      draft_.say(fmt::format("ALTER TYPE {} RENAME TO {}", name, aside));
      draft_.say(create_type(type));
      draft_.later.push_back(fmt::format("DROP TYPE {}.{}", schema, aside));
      return;
    }
    const auto from = values_of(old.property("labels"));
    std::string behind;
    for (const std::string& label : values_of(type.property("labels"))) {
      if (std::find(from.begin(), from.end(), label) == from.end()) {
        std::string place;
        if (!behind.empty()) {
          place = " AFTER " + quote_literal(behind);
        } else if (!from.empty()) {
          place = " BEFORE " + quote_literal(from.front());
        }
        draft_.say(fmt::format("ALTER TYPE {} ADD VALUE {}{}", name, quote_literal(label), place));
        new_labels_.push_back(quote_literal(label));
      }
      behind = label;
    }
  }

  const ChangeSet changes_;
  const std::set<ObjectKey> again_;
  MigrationDraft draft_;
  TableSql tables_;
  std::map<ObjectKey, bool> goes_early_;
  std::vector<std::string> new_labels_;
  int old_types_ = 0;
};

}  // namespace

MigrationSql migration_sql(const Inventory& from, const Inventory& to) {
  return Writer(from, to).run();
}

}  // namespace pgcycle::catalog
