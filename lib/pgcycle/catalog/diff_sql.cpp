// The SQL that makes one inventory of another: what depends on something that must go is dropped
// first and made again at the end; everything else is made or altered in the order in which the
// new database's objects need each other.
#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/catalog/object_sql.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::catalog {

namespace {

using postgres::quote_literal;

// Kinds that hold no data: dropped and made again where something under them changes.
bool can_be_made_again(const std::string& kind) {
  return kind == "view" || kind == "materialized view" || kind == "constraint" || kind == "index" ||
         kind == "trigger" || kind == "policy" || kind == "rule" || kind == "statistics" ||
         is_routine(kind) || is_made_by_statements(kind);
}

int rank_of(const std::string& kind) {
  static const std::vector<std::string> kOrder{"schema",
                                               "extension",
                                               "language",
                                               "access method",
                                               "collation",
                                               "foreign data wrapper",
                                               "server",
                                               "text search parser",
                                               "text search template",
                                               "text search dictionary",
                                               "text search configuration",
                                               "base type",
                                               "enum",
                                               "domain",
                                               "composite type",
                                               "range type",
                                               "sequence",
                                               "table",
                                               "foreign table",
                                               "column",
                                               "function",
                                               "procedure",
                                               "operator",
                                               "operator family",
                                               "operator class",
                                               "cast",
                                               "transform",
                                               "conversion",
                                               "aggregate",
                                               "view",
                                               "materialized view",
                                               "constraint",
                                               "index",
                                               "statistics",
                                               "rule",
                                               "trigger",
                                               "policy",
                                               "publication",
                                               "published table",
                                               "published schema",
                                               "default privileges",
                                               "event trigger"};
  return static_cast<int>(std::find(kOrder.begin(), kOrder.end(), kind) - kOrder.begin());
}

class Writer {
 public:
  Writer(const Inventory& from, const Inventory& to) : from_(from), to_(to) {}

  MigrationSql run() {
    for (ObjectChange& change : compare(from_, to_)) {
      const ObjectKey key = change.object;
      changes_.emplace(key, std::move(change));
    }
    choose_what_is_made_again();
    drop_what_is_in_the_way();
    untie_typed_tables();
    drop_data_objects();
    make_schemas();
    name_base_types();
    make_and_alter();
    own_sequences();
    drop_the_rest();
    for (const std::string& label : new_labels_) {
      for (const std::string& statement : out_.statements) {
        const bool uses = statement.find(label) != std::string::npos &&
                          statement.find("ADD VALUE") == std::string::npos;
        out_.needs_own_transactions = out_.needs_own_transactions || uses;
      }
    }
    return std::move(out_);
  }

 private:
  void say(std::string statement) { out_.statements.push_back(std::move(statement)); }
  void say(Statements statements) {
    for (std::string& statement : statements) say(std::move(statement));
  }
  void cannot(const ObjectKey& key, std::string_view what) {
    out_.not_written.push_back(fmt::format("{} {}: {}", key.kind, key.name, what));
  }

  const ObjectChange* change_of(const ObjectKey& key) const {
    const auto found = changes_.find(key);
    return found == changes_.end() ? nullptr : &found->second;
  }
  const PropertyChange* change_of(const ObjectKey& key, const std::string& property) const {
    const ObjectChange* change = change_of(key);
    if (change == nullptr || change->kind != ObjectChange::Kind::changed) return nullptr;
    for (const PropertyChange& one : change->properties) {
      if (one.property == property) return &one;
    }
    return nullptr;
  }
  bool is(const ObjectKey& key, ObjectChange::Kind kind) const {
    const ObjectChange* change = change_of(key);
    return change != nullptr && change->kind == kind;
  }
  bool is_managed(const CatalogObject& object) const {
    return !object.property("identity of").empty() || !object.property("inherited").empty();
  }

  // --- what is dropped and made again ---

  void choose_what_is_made_again() {
    std::vector<ObjectKey> open;
    for (const auto& [key, change] : changes_) {
      if (change.kind == ObjectChange::Kind::changed && needs_making_again(key)) {
        open.push_back(key);
      }
      if (change.kind == ObjectChange::Kind::removed) open.push_back(key);
      if (changes_columns_under_others(key)) open.push_back(key);
      if (key.kind == "enum" && relabelled(key)) {
        // Its columns change under what uses them; expressions and arguments name the type alone.
        open.push_back(key);
        for (const ObjectKey& column : columns_of_type(key.name)) open.push_back(column);
      }
    }
    std::map<ObjectKey, std::vector<ObjectKey>> needed_by;
    for (const auto& [key, needs] : from_.needs) {
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
            key.kind == "column" && from_.find(user)->parent == parent_of(key) &&
            (user.kind == "index" || user.kind == "constraint" || user.kind == "statistics");
        if (is_part || !can_be_made_again(user.kind) || !seen.insert(user).second) continue;
        open.push_back(user);
      }
    }
    if (makes_what_has_grants()) hold_back_default_privileges();
  }

  bool makes_what_has_grants() const {
    const auto has_grants = [](const std::string& kind) {
      return is_relation(kind) || is_routine(kind) || is_type(kind) || kind == "schema";
    };
    return std::any_of(changes_.begin(), changes_.end(),
                       [&](const auto& change) {
                         return change.second.kind == ObjectChange::Kind::added &&
                                has_grants(change.first.kind);
                       }) ||
           std::any_of(again_.begin(), again_.end(), [&](const ObjectKey& key) {
             return has_grants(key.kind) && !is(key, ObjectChange::Kind::removed);
           });
  }

  // What is made has the grants that it has there, and no others.
  void hold_back_default_privileges() {
    for (const auto& [key, object] : from_.objects) {
      if (key.kind == "default privileges") again_.insert(key);
    }
  }

  std::string parent_of(const ObjectKey& key) const {
    const CatalogObject* object = from_.find(key);
    return object == nullptr ? std::string() : object->parent;
  }

  bool needs_making_again(const ObjectKey& key) const {
    if (is_routine(key.kind)) {
      return key.kind == "aggregate" || change_of(key, "result") != nullptr ||
             change_of(key, "arguments") != nullptr;
    }
    if (!can_be_made_again(key.kind)) return false;
    const ObjectChange& change = changes_.at(key);
    return std::any_of(change.properties.begin(), change.properties.end(),
                       [](const PropertyChange& one) {
                         return one.property != "comment" && one.property != "grants" &&
                                one.property != "enabled" && one.property != "options" &&
                                one.property != "clustered" && one.property != "index comment";
                       });
  }

  bool changes_columns_under_others(const ObjectKey& key) const {
    if (key.kind != "column") return false;
    return is(key, ObjectChange::Kind::removed) || change_of(key, "type") != nullptr ||
           change_of(key, "generated") != nullptr || change_of(key, "collation") != nullptr;
  }

  std::vector<ObjectKey> columns_of_type(const std::string& type) const {
    std::vector<ObjectKey> out;
    for (const auto& [key, object] : from_.objects) {
      if (key.kind == "column" &&
          (object.property("type") == type || object.property("type") == type + "[]")) {
        out.push_back(key);
      }
    }
    return out;
  }

  // Labels went or moved, which no ALTER TYPE can do.
  bool relabelled(const ObjectKey& key) const {
    const PropertyChange* labels = change_of(key, "labels");
    if (labels == nullptr) return false;
    const auto from = values_of(labels->from);
    const auto to = values_of(labels->to);
    std::size_t at = 0;
    for (const std::string& label : to) {
      if (at < from.size() && from[at] == label) ++at;
    }
    return at < from.size();
  }

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
    std::vector<ObjectKey> order = in_order(from_, again_);
    std::reverse(order.begin(), order.end());
    for (const ObjectKey& key : order) {
      const bool late = goes_late(key.kind) && !needs_what_goes_before(key);
      if (late && is(key, ObjectChange::Kind::removed)) continue;
      const bool goes_with_table =
          goes(parent_of(key)) && !is_foreign_key(from_, key) && !needs_what_goes_before(key);
      if (goes_with_table) continue;
      drop(*from_.find(key));
    }
  }

  // What tables may need goes behind them; what would act upon new ones, before.
  static bool goes_late(const std::string& kind) {
    if (kind == "event trigger" || kind == "default privileges" || kind.starts_with("publi")) {
      return false;
    }
    return is_routine(kind) || is_made_by_statements(kind);
  }

  // A table's part that uses a view, or another table, which may go before its own; a function of
  // a table's rows, or of an enum that gets another name.
  bool needs_what_goes_before(const ObjectKey& key) {
    const auto needs = from_.needs.find(key);
    if (needs == from_.needs.end()) return false;
    const auto [known, is_new] = goes_early_.emplace(key, false);
    if (is_new) known->second = needs_one_that_goes_before(key, needs->second);
    return known->second;
  }

  bool needs_one_that_goes_before(const ObjectKey& key, const std::set<ObjectKey>& needs) {
    const std::string table = parent_of(key);
    return std::any_of(needs.begin(), needs.end(), [&](const ObjectKey& need) {
      if (need.kind == "enum" && relabelled(need)) return true;
      const bool goes = again_.contains(need) || is(need, ObjectChange::Kind::removed);
      const bool own = !table.empty() && (need.name == table || parent_of(need) == table);
      if (!goes || own || is_type(need.kind) || need.kind == "schema") return false;
      return !goes_late(need.kind) || needs_what_goes_before(need);
    });
  }

  void drop(const CatalogObject& object) {
    const std::string& kind = object.key.kind;
    const auto on_parent = [&](const std::string& name) {
      return fmt::format("DROP {} IF EXISTS {} ON {}", upper(kind), name, object.parent);
    };
    if (kind == "constraint") {
      if (!is_managed(object)) {
        say(fmt::format("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", object.parent,
                        object.property("constraint")));
      }
    } else if (kind == "trigger" || kind == "policy" || kind == "rule") {
      say(on_parent(object.property(kind)));
    } else if (!object.property("removal").empty()) {
      say(values_of(object.property("removal")));
    } else if (kind == "base type") {
      say(fmt::format("DROP TYPE IF EXISTS {} CASCADE", object.key.name));  // and its functions
    } else if (is_type(kind)) {
      say(fmt::format("DROP {} IF EXISTS {}", kind == "domain" ? "DOMAIN" : "TYPE",
                      object.key.name));
    } else {
      say(fmt::format("DROP {} IF EXISTS {}", upper(kind), object.key.name));
    }
  }

  // A typed table keeps its type from changing.
  void untie_typed_tables() {
    for (const auto& [key, object] : from_.objects) {
      const std::string& type = object.property("of type");
      const CatalogObject* after = to_.find(key);
      if (type.empty() || after == nullptr) continue;
      if (after->property("of type") == type && change_of({"composite type", type}) == nullptr) {
        continue;
      }
      say(fmt::format("ALTER TABLE {} NOT OF", key.name));
      untied_.insert(key);
    }
  }

  // Tables and sequences that are gone.
  void drop_data_objects() {
    std::set<ObjectKey> gone;
    for (const auto& [key, change] : changes_) {
      if (change.kind != ObjectChange::Kind::removed) continue;
      if (key.kind == "table" || key.kind == "foreign table") gone.insert(key);
    }
    std::vector<ObjectKey> order = in_order(from_, gone);
    std::reverse(order.begin(), order.end());
    for (const ObjectKey& key : order) drop(*from_.find(key));
  }

  void drop_the_rest() {
    std::set<ObjectKey> gone;
    for (const auto& [key, change] : changes_) {
      if (change.kind != ObjectChange::Kind::removed) continue;
      const bool late = goes_late(key.kind) || is_type(key.kind) || key.kind == "schema" ||
                        key.kind == "extension" ||
                        (key.kind == "sequence" && !goes_with_its_column(*from_.find(key)));
      if (late) gone.insert(key);
      if (rank_of(key.kind) > rank_of("event trigger")) cannot(key, "is gone");
    }
    std::vector<ObjectKey> order = in_order(from_, gone);
    std::reverse(order.begin(), order.end());
    for (const ObjectKey& key : order) drop(*from_.find(key));
  }

  bool goes(const std::string& relation) const {
    return is({"table", relation}, ObjectChange::Kind::removed) ||
           is({"view", relation}, ObjectChange::Kind::removed) ||
           is({"materialized view", relation}, ObjectChange::Kind::removed) ||
           is({"foreign table", relation}, ObjectChange::Kind::removed);
  }

  bool goes_with_its_column(const CatalogObject& sequence) const {
    const CatalogObject* owner = from_.find({"column", sequence.property("owned by")});
    return is_managed(sequence) ||
           (owner != nullptr &&
            (goes(owner->parent) || is(owner->key, ObjectChange::Kind::removed)));
  }

  // --- what is made and altered ---

  void make_schemas() {
    for (const auto& [key, object] : to_.objects) {
      if (key.kind == "schema" && change_of(key) != nullptr) make_or_alter(object);
    }
  }

  // Their functions need them, and they their functions: a name comes first.
  void name_base_types() {
    for (const auto& [key, change] : changes_) {
      const bool added = key.kind == "base type" && change.kind == ObjectChange::Kind::added;
      if (added) say("CREATE TYPE " + key.name);
    }
  }

  void make_and_alter() {
    std::set<ObjectKey> keys;
    for (const auto& [key, object] : to_.objects) {
      if (key.kind == "column" || key.kind == "schema" || is_managed(object)) continue;
      const bool new_parent = !object.parent.empty() &&
                              from_.find({"table", object.parent}) == nullptr &&
                              from_.find({"view", object.parent}) == nullptr &&
                              from_.find({"materialized view", object.parent}) == nullptr;
      if (change_of(key) != nullptr || again_.contains(key) || new_parent) keys.insert(key);
    }
    for (const auto& [key, change] : changes_) {
      if (key.kind != "column") continue;
      const CatalogObject* column = to_.find(key) != nullptr ? to_.find(key) : from_.find(key);
      for (const char* kind : {"table", "foreign table"}) {
        if (to_.find({kind, column->parent}) != nullptr) keys.insert({kind, column->parent});
      }
    }
    for (const auto& [key, change] : changes_) {
      if (key.kind == "enum" && relabelled(key)) {
        for (const ObjectKey& column : columns_of_type(key.name)) {
          const ObjectKey table{"table", parent_of(column)};
          if (to_.find(table) != nullptr) keys.insert(table);
        }
      }
    }
    bool bodies = true;
    for (const ObjectKey& key : in_order(to_, keys)) {
      const bool routine = is_routine(key.kind);
      if (routine && bodies) {  // a body may name what comes later
        say("SET check_function_bodies = off");
        bodies = false;
      }
      make_or_alter(*to_.find(key));
    }
  }

  void make_or_alter(const CatalogObject& object) {
    const ObjectKey& key = object.key;
    const CatalogObject* old = from_.find(key);
    const bool make = old == nullptr || again_.contains(key);
    if (make) {
      create(object);
      say(set_comment(object, {}));
      say(set_column_comments(object, {}));
      say(set_check_comments(object, {}));
      say(set_index_comment(object, {}));
      say(set_clustered(object, {}));
      say(set_grants(object, is_routine(key.kind) ? "PUBLIC EXECUTE"
                             : is_type(key.kind)  ? "PUBLIC USAGE"
                                                  : ""));
    } else {
      alter(*old, object);
      say(set_comment(object, old->property("comment")));
      say(set_column_comments(object, old->property("column comments")));
      say(set_check_comments(object, old->property("check comments")));
      say(set_index_comment(object, old->property("index comment")));
      say(set_clustered(object, old->property("clustered")));
      say(set_grants(object, old->property("grants")));
    }
  }

  void create(const CatalogObject& object) {
    const std::string& kind = object.key.kind;
    const std::string& name = object.key.name;
    if (kind == "schema") {
      say(fmt::format("CREATE SCHEMA {}", name));
    } else if (kind == "extension") {
      say(fmt::format("CREATE EXTENSION {} WITH SCHEMA {}", name, object.property("schema")));
    } else if (kind == "sequence") {
      say(create_sequence(object));
    } else if (kind == "table" || kind == "foreign table") {
      create_table(object);
    } else if (kind == "view") {
      const std::string options = options_clause(object);
      say(fmt::format("CREATE VIEW {}{} AS {}", name, options, definition_of(object)));
    } else if (kind == "materialized view") {
      say(fmt::format("CREATE MATERIALIZED VIEW {}{}{} AS {}", name, access_method_clause(object),
                      options_clause(object), definition_of(object)));
    } else if (kind == "constraint") {
      say(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", object.parent,
                      object.property("constraint"), object.property("definition")));
    } else if (kind == "policy") {
      say(create_policy(object));
    } else if (kind == "aggregate") {
      say(fmt::format("CREATE AGGREGATE {} ({})", name, object.property("definition")));
    } else if (is_type(kind)) {
      say(create_type(object));
    } else if (kind == "trigger" || kind == "rule") {
      say(definition_of(object));
      set_trigger_state(object);
    } else if (kind == "function" || kind == "procedure" || kind == "index" ||
               kind == "statistics") {
      say(definition_of(object));
    } else if (is_made_by_statements(kind)) {
      say(values_of(object.property("definition")));
      set_trigger_state(object);
    } else {
      cannot(object.key, "is not there");
    }
  }

  std::string column_clause(const CatalogObject& column) const {
    std::string sql = last_part(column.parent, column.key.name) + " " + column.property("type") +
                      foreign_options(column);
    if (!column.property("collation").empty()) sql += " COLLATE " + column.property("collation");
    if (inherits_generation(column)) {
      // The parent's holds.
    } else if (!column.property("generated").empty()) {
      sql += fmt::format(" GENERATED ALWAYS AS ({}) {}", column.property("generated"),
                         column.property("generation"));
    } else if (!column.property("identity").empty()) {
      sql += fmt::format(" GENERATED {} AS IDENTITY{}", column.property("identity"),
                         identity_options(column));
    } else if (!column.property("default").empty()) {
      sql += " DEFAULT " + column.property("default");
    }
    if (!column.property("not null").empty()) sql += " NOT NULL";
    return sql;
  }

  bool inherits_generation(const CatalogObject& column) const {
    const CatalogObject* table = to_.find({"table", column.parent});
    if (table == nullptr || column.property("generated").empty()) return false;
    const std::string name = last_part(column.parent, column.key.name);
    for (const std::string& parent : values_of(table->property("inherits"))) {
      const CatalogObject* above = to_.find({"column", fmt::format("{}.{}", parent, name)});
      const bool same =
          above != nullptr && above->property("generated") == column.property("generated");
      if (same) return true;
    }
    return false;
  }

  // The sequence is as its table, unless it says otherwise.
  std::string persistence_beside_table(const CatalogObject& column,
                                       const CatalogObject& sequence) const {
    const CatalogObject* table = to_.find({"table", column.parent});
    if (table == nullptr || table->property("persistence") == sequence.property("persistence")) {
      return {};
    }
    return sequence.property("persistence").empty() ? " LOGGED" : " UNLOGGED";
  }

  std::string identity_options(const CatalogObject& column) const {
    for (const auto& [key, object] : to_.objects) {
      if (key.kind != "sequence" || object.property("identity of") != column.key.name) continue;
      return fmt::format(
          " (SEQUENCE NAME {}{} START {} INCREMENT {} MINVALUE {} MAXVALUE {} CACHE {}{})",
          key.name, persistence_beside_table(column, object), object.property("start"),
          object.property("increment"), object.property("minimum"), object.property("maximum"),
          object.property("cache"), object.property("cycle").empty() ? "" : " CYCLE");
    }
    return {};
  }

  // What a column of a typed table has beyond its type.
  Statements set_in_typed(const CatalogObject& column) const {
    Statements out;
    const std::string alter = fmt::format("ALTER TABLE {} ALTER COLUMN {} ", column.parent,
                                          last_part(column.parent, column.key.name));
    if (!column.property("default").empty()) {
      out.push_back(alter + "SET DEFAULT " + column.property("default"));
    }
    if (!column.property("not null").empty()) out.push_back(alter + "SET NOT NULL");
    return out;
  }

  // Of a partition: it is as CREATE TABLE … PARTITION OF would make it.
  bool has_columns_of_parent(const CatalogObject& table) const {
    const std::string& parent = table.property("partition of");
    const auto own = to_.columns_of(table.key.name);
    const auto above = to_.columns_of(parent);
    return std::equal(own.begin(), own.end(), above.begin(), above.end(),
                      [&](const CatalogObject* a, const CatalogObject* b) {
                        return last_part(table.key.name, a->key.name) ==
                                   last_part(parent, b->key.name) &&
                               column_clause(*a) == column_clause(*b);
                      });
  }

  void create_table(const CatalogObject& table) {
    const bool foreign = table.key.kind == "foreign table";
    const std::string persistence = foreign                                 ? "FOREIGN "
                                    : table.property("persistence").empty() ? ""
                                                                            : "UNLOGGED ";
    std::string sql;
    const bool attaches = !table.property("partition of").empty() && !has_columns_of_parent(table);
    if (!attaches && !table.property("partition of").empty()) {
      sql = fmt::format("CREATE {}TABLE {} PARTITION OF {} {}", persistence, table.key.name,
                        table.property("partition of"), table.property("partition bound"));
    } else {
      std::vector<std::string> columns;
      for (const CatalogObject* column : to_.columns_of(table.key.name)) {
        if (attaches || column->property("inherited").empty()) {
          columns.push_back("  " + column_clause(*column));
        }
      }
      const std::string& type = table.property("of type");
      sql = type.empty()
                ? fmt::format("CREATE {}TABLE {} (\n{}\n)", persistence, table.key.name,
                              fmt::join(columns, ",\n"))
                : fmt::format("CREATE {}TABLE {} OF {}", persistence, table.key.name, type);
      const auto parents = values_of(table.property("inherits"));
      if (!parents.empty()) sql += fmt::format(" INHERITS ({})", fmt::join(parents, ", "));
    }
    if (!table.property("partition key").empty()) {
      sql += " PARTITION BY " + table.property("partition key");
    }
    sql += access_method_clause(table);
    if (foreign) sql += " SERVER " + table.property("server") + foreign_options(table);
    say(sql + options_clause(table));
    if (!table.property("of type").empty()) {
      for (const CatalogObject* column : to_.columns_of(table.key.name)) say(set_in_typed(*column));
    }
    if (attaches) {
      say(fmt::format("ALTER TABLE ONLY {} ATTACH PARTITION {} {}", table.property("partition of"),
                      table.key.name, table.property("partition bound")));
    }
    for (const CatalogObject* column : to_.columns_of(table.key.name)) {
      say(set_storage(*column, nullptr));
      say(set_comment(*column, {}));
      say(set_grants(*column, {}));
    }
    say(set_row_security(table, nullptr));
    if (!table.property("replica identity").empty()) {
      later_.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY {}", table.key.name,
                                   table.property("replica identity")));
    }
  }

  void alter(const CatalogObject& old, const CatalogObject& object) {
    const std::string& kind = object.key.kind;
    if (kind == "table" || kind == "foreign table") {
      alter_table(old, object);
    } else if (kind == "sequence") {
      say(alter_sequence(old, object));
    } else if (kind == "enum") {
      alter_enum(old, object);
    } else if (kind == "domain") {
      if (old.property("base") != object.property("base")) {
        cannot(object.key, "the type under a domain cannot be changed");
      }
      say(alter_domain(old, object));
    } else if (kind == "composite type") {
      say(alter_composite(old, object));
    } else if (kind == "function" || kind == "procedure") {
      if (old.property("definition") != object.property("definition")) say(definition_of(object));
    } else if (kind == "trigger" || kind == "rule" || kind == "event trigger") {
      set_trigger_state(object);
    } else if (kind == "extension") {
      if (old.property("version") != object.property("version")) {
        say(fmt::format("ALTER EXTENSION {} UPDATE TO {}", object.key.name,
                        quote_literal(object.property("version"))));
      }
    } else if (kind == "view" || kind == "materialized view") {
      say(alter_options(old, object));
    }
  }

  void set_trigger_state(const CatalogObject& trigger) {
    const std::string& state = trigger.property("enabled");
    const CatalogObject* old = from_.find(trigger.key);
    const bool same =
        old != nullptr && !again_.contains(trigger.key) && old->property("enabled") == state;
    if (same || (state.empty() && (old == nullptr || again_.contains(trigger.key)))) return;
    const std::string enable = state.empty() ? "ENABLE" : state;
    if (trigger.key.kind == "event trigger") {
      say(fmt::format("ALTER EVENT TRIGGER {} {}", trigger.key.name, enable));
    } else if (trigger.key.kind == "rule") {
      say(fmt::format("ALTER TABLE {} {} RULE {}", trigger.parent, enable,
                      trigger.property("rule")));
    } else if (trigger.key.kind == "trigger") {
      say(fmt::format("ALTER TABLE {} {} TRIGGER {}", trigger.parent, enable,
                      trigger.property("trigger")));
    }
  }

  void alter_table(const CatalogObject& old, const CatalogObject& table) {
    const std::string& name = table.key.name;
    if (old.property("partition key") != table.property("partition key")) {
      cannot(table.key, "its partition key cannot be changed");
    }
    if (old.property("partition bound") != table.property("partition bound") ||
        old.property("partition of") != table.property("partition of")) {
      if (!old.property("partition of").empty()) {
        say(fmt::format("ALTER TABLE {} DETACH PARTITION {}", old.property("partition of"), name));
      }
      if (!table.property("partition of").empty()) {
        later_.push_back(fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}",
                                     table.property("partition of"), name,
                                     table.property("partition bound")));
      }
    }
    if (old.property("access method") != table.property("access method")) {
      cannot(table.key, "its access method changes, which ALTER TABLE … SET ACCESS METHOD can do");
    }
    if (old.property("persistence") != table.property("persistence")) {
      say(fmt::format("ALTER TABLE {} SET {}", name,
                      table.property("persistence").empty() ? "LOGGED" : "UNLOGGED"));
    }
    const std::string& type = table.property("of type");
    if (!type.empty() && (untied_.contains(table.key) || old.property("of type").empty())) {
      later_.push_back(fmt::format("ALTER TABLE {} OF {}", name, type));
    }
    if (const std::string options = alter_foreign_options(old, table); !options.empty()) {
      say(fmt::format("ALTER FOREIGN TABLE {} {}", name, options));
    }
    if (old.property("server") != table.property("server")) {
      cannot(table.key, "the server of a foreign table cannot be changed");
    }
    alter_inheritance(old, table);
    for (const CatalogObject* column : from_.parts_of(name, "column")) {
      if (to_.find(column->key) == nullptr && column->property("inherited").empty()) {
        say(fmt::format("ALTER TABLE {} DROP COLUMN {}", name, last_part(name, column->key.name)));
      }
    }
    for (const CatalogObject* column : to_.columns_of(name)) {
      if (!column->property("inherited").empty()) continue;
      const CatalogObject* before = from_.find(column->key);
      if (before == nullptr) {
        say(fmt::format("ALTER TABLE {} ADD COLUMN {}", name, column_clause(*column)));
        say(set_storage(*column, nullptr));
        say(set_comment(*column, {}));
        say(set_grants(*column, {}));
      } else {
        alter_column(*before, *column);
      }
    }
    say(alter_options(old, table));
    say(set_row_security(table, &old));
    if (old.property("replica identity") != table.property("replica identity")) {
      later_.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY {}", name,
                                   table.property("replica identity").empty()
                                       ? "DEFAULT"
                                       : table.property("replica identity")));
    }
  }

  void alter_inheritance(const CatalogObject& old, const CatalogObject& table) {
    const auto before = values_of(old.property("inherits"));
    const auto after = values_of(table.property("inherits"));
    for (const std::string& parent : before) {
      if (std::find(after.begin(), after.end(), parent) == after.end()) {
        say(fmt::format("ALTER TABLE {} NO INHERIT {}", table.key.name, parent));
      }
    }
    for (const std::string& parent : after) {
      if (std::find(before.begin(), before.end(), parent) == before.end()) {
        later_.push_back(fmt::format("ALTER TABLE {} INHERIT {}", table.key.name, parent));
      }
    }
  }

  void alter_column(const CatalogObject& old, const CatalogObject& column) {
    const std::string name = last_part(column.parent, column.key.name);
    const std::string table = fmt::format("ALTER TABLE {} ", column.parent);
    const auto alter = [&](const std::string& what) {
      say(fmt::format("{}ALTER COLUMN {} {}", table, name, what));
    };
    const auto differs = [&](const char* property) {
      return old.property(property) != column.property(property);
    };
    const bool was_generated = !old.property("generated").empty();
    if (differs("generated") && (!column.property("generated").empty())) {
      say(fmt::format("{}DROP COLUMN {}", table, name));
      say(fmt::format("{}ADD COLUMN {}", table, column_clause(column)));
      say(set_comment(column, {}));
      return;
    }
    if (was_generated && differs("generated")) alter("DROP EXPRESSION");
    const bool relabels = relabelled_type(column.property("type"));
    const bool type = differs("type") || differs("collation") || relabels;
    if (differs("identity") && !old.property("identity").empty() &&
        column.property("identity").empty()) {
      alter("DROP IDENTITY");
    }
    const bool drops_default = !old.property("default").empty() && (type || differs("default"));
    if (drops_default) alter("DROP DEFAULT");
    if (type) {
      const std::string collation =
          column.property("collation").empty() ? "" : " COLLATE " + column.property("collation");
      const std::string via = needs_text(old, column) || relabels
                                  ? fmt::format("{}::text::{}", name, column.property("type"))
                                  : fmt::format("{}::{}", name, column.property("type"));
      alter(fmt::format("TYPE {}{} USING {}", column.property("type"), collation, via));
    }
    if (!column.property("default").empty() && (type || differs("default"))) {
      alter("SET DEFAULT " + column.property("default"));
    }
    if (differs("not null")) {
      alter(column.property("not null").empty() ? "DROP NOT NULL" : "SET NOT NULL");
    }
    if (differs("identity") && !column.property("identity").empty()) {
      if (old.property("identity").empty()) {
        alter(fmt::format("ADD GENERATED {} AS IDENTITY{}", column.property("identity"),
                          identity_options(column)));
      } else {
        alter(fmt::format("SET GENERATED {}", column.property("identity")));
      }
    }
    say(set_storage(column, &old));
    if (const std::string options = alter_foreign_options(old, column); !options.empty()) {
      alter(options);
    }
    if (change_of(column.key, "order") != nullptr) {
      cannot(column.key, "the order of a table's columns cannot be changed");
    }
    say(set_comment(column, old.property("comment")));
    say(set_grants(column, old.property("grants")));
  }

  bool relabelled_type(const std::string& type) const {
    const ObjectKey key{"enum", type.ends_with("[]") ? type.substr(0, type.size() - 2) : type};
    return change_of(key) != nullptr && relabelled(key);
  }

  // Between types of one's own only their text is a way.
  bool needs_text(const CatalogObject& old, const CatalogObject& column) const {
    const auto own = [&](const std::string& type) { return type.find('.') != std::string::npos; };
    return own(old.property("type")) || own(column.property("type"));
  }

  void own_sequences() {
    for (const auto& [key, sequence] : to_.objects) {
      if (key.kind != "sequence" || is_managed(sequence)) continue;
      const CatalogObject* old = from_.find(key);
      const std::string before = old == nullptr ? std::string() : old->property("owned by");
      if (before == sequence.property("owned by")) continue;
      say(fmt::format(
          "ALTER SEQUENCE {} OWNED BY {}", key.name,
          sequence.property("owned by").empty() ? "NONE" : sequence.property("owned by")));
    }
    for (std::string& statement : later_) say(std::move(statement));
    later_.clear();
  }

  void alter_enum(const CatalogObject& old, const CatalogObject& type) {
    if (old.property("labels") == type.property("labels")) return;
    const std::string& name = type.key.name;
    if (relabelled(type.key)) {
      // The old type goes once no column has it any more.
      const std::size_t dot = name.find('.');
      const std::string schema = name.substr(0, dot);
      const std::string aside = fmt::format("pgcycle_old_{}", old_types_++);
      say(fmt::format("ALTER TYPE {} RENAME TO {}", name, aside));
      say(create_type(type));
      later_.push_back(fmt::format("DROP TYPE {}.{}", schema, aside));
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
        say(fmt::format("ALTER TYPE {} ADD VALUE {}{}", name, quote_literal(label), place));
        new_labels_.push_back(quote_literal(label));
      }
      behind = label;
    }
  }

  const Inventory& from_;
  const Inventory& to_;
  std::map<ObjectKey, ObjectChange> changes_;
  std::set<ObjectKey> again_;
  std::map<ObjectKey, bool> goes_early_;
  std::set<ObjectKey> untied_;
  std::vector<std::string> later_;
  std::vector<std::string> new_labels_;
  int old_types_ = 0;
  MigrationSql out_;
};

}  // namespace

MigrationSql migration_sql(const Inventory& from, const Inventory& to) {
  return Writer(from, to).run();
}

}  // namespace pgcycle::catalog
