#include "pgcycle/catalog/table_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "pgcycle/catalog/object_sql.hpp"

namespace pgcycle::catalog {

TableSql::TableSql(const ChangeSet& changes, MigrationDraft& draft)
    : changes_(changes), draft_(draft) {
  for (const auto& [key, object] : changes.to().objects) {
    const std::string& column = object.property("identity of");
    if (!column.empty()) identities_.emplace(column, &object);
  }
}

void TableSql::create(const CatalogObject& table) {
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
    for (const CatalogObject* column : changes_.to().columns_of(table.key.name)) {
      if (attaches || column->property("inherited").empty()) {
        columns.push_back("  " + column_clause(*column));
      }
    }
    const std::string& type = table.property("of type");
    sql = type.empty() ? fmt::format("CREATE {}TABLE {} (\n{}\n)", persistence, table.key.name,
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
  draft_.say(sql + options_clause(table));
  if (!table.property("of type").empty()) {
    for (const CatalogObject* column : changes_.to().columns_of(table.key.name))
      draft_.say(set_in_typed(*column));
  }
  if (attaches) {
    draft_.say(fmt::format("ALTER TABLE ONLY {} ATTACH PARTITION {} {}",
                           table.property("partition of"), table.key.name,
                           table.property("partition bound")));
  }
  for (const CatalogObject* column : changes_.to().columns_of(table.key.name)) {
    draft_.say(set_storage(*column, nullptr));
    draft_.say(set_comment(*column, {}));
    draft_.say(set_grants(*column, {}));
  }
  draft_.say(set_row_security(table, nullptr));
  if (!table.property("replica identity").empty()) {
    draft_.later.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY {}", table.key.name,
                                       table.property("replica identity")));
  }
}

void TableSql::alter(const CatalogObject& old, const CatalogObject& table) {
  const std::string& name = table.key.name;
  if (old.property("partition key") != table.property("partition key")) {
    draft_.cannot(table.key, "its partition key cannot be changed");
  }
  if (old.property("partition bound") != table.property("partition bound") ||
      old.property("partition of") != table.property("partition of")) {
    if (!old.property("partition of").empty()) {
      draft_.say(
          fmt::format("ALTER TABLE {} DETACH PARTITION {}", old.property("partition of"), name));
    }
    if (!table.property("partition of").empty()) {
      draft_.later.push_back(fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}",
                                         table.property("partition of"), name,
                                         table.property("partition bound")));
    }
  }
  if (old.property("access method") != table.property("access method")) {
    draft_.cannot(table.key,
                  "its access method changes, which ALTER TABLE … SET ACCESS METHOD can do");
  }
  if (old.property("persistence") != table.property("persistence")) {
    draft_.say(fmt::format("ALTER TABLE {} SET {}", name,
                           table.property("persistence").empty() ? "LOGGED" : "UNLOGGED"));
  }
  const std::string& type = table.property("of type");
  if (!type.empty() && (untied_.contains(table.key) || old.property("of type").empty())) {
    draft_.later.push_back(fmt::format("ALTER TABLE {} OF {}", name, type));
  }
  if (const std::string options = alter_foreign_options(old, table); !options.empty()) {
    draft_.say(fmt::format("ALTER FOREIGN TABLE {} {}", name, options));
  }
  if (old.property("server") != table.property("server")) {
    draft_.cannot(table.key, "the server of a foreign table cannot be changed");
  }
  alter_inheritance(old, table);
  for (const CatalogObject* column : changes_.from().parts_of(name, "column")) {
    if (changes_.to().find(column->key) == nullptr && column->property("inherited").empty()) {
      draft_.say(
          fmt::format("ALTER TABLE {} DROP COLUMN {}", name, last_part(name, column->key.name)));
    }
  }
  for (const CatalogObject* column : changes_.to().columns_of(name)) {
    if (!column->property("inherited").empty()) continue;
    const CatalogObject* before = changes_.from().find(column->key);
    if (before == nullptr) {
      draft_.say(fmt::format("ALTER TABLE {} ADD COLUMN {}", name, column_clause(*column)));
      draft_.say(set_storage(*column, nullptr));
      draft_.say(set_comment(*column, {}));
      draft_.say(set_grants(*column, {}));
    } else {
      alter_column(*before, *column);
    }
  }
  draft_.say(alter_options(old, table));
  draft_.say(set_row_security(table, &old));
  if (old.property("replica identity") != table.property("replica identity")) {
    draft_.later.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY {}", name,
                                       table.property("replica identity").empty()
                                           ? "DEFAULT"
                                           : table.property("replica identity")));
  }
}

void TableSql::untie() {
  for (const auto& [key, object] : changes_.from().objects) {
    const std::string& type = object.property("of type");
    const CatalogObject* after = changes_.to().find(key);
    if (type.empty() || after == nullptr) continue;
    if (after->property("of type") == type && changes_.of({"composite type", type}) == nullptr) {
      continue;
    }
    draft_.say(fmt::format("ALTER TABLE {} NOT OF", key.name));
    untied_.insert(key);
  }
}

std::string TableSql::column_clause(const CatalogObject& column) const {
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

bool TableSql::inherits_generation(const CatalogObject& column) const {
  const CatalogObject* table = changes_.to().find({"table", column.parent});
  if (table == nullptr || column.property("generated").empty()) return false;
  const std::string name = last_part(column.parent, column.key.name);
  for (const std::string& parent : values_of(table->property("inherits"))) {
    const CatalogObject* above = changes_.to().find({"column", fmt::format("{}.{}", parent, name)});
    const bool same =
        above != nullptr && above->property("generated") == column.property("generated");
    if (same) return true;
  }
  return false;
}

std::string TableSql::persistence_beside_table(const CatalogObject& column,
                                               const CatalogObject& sequence) const {
  const CatalogObject* table = changes_.to().find({"table", column.parent});
  if (table == nullptr || table->property("persistence") == sequence.property("persistence")) {
    return {};
  }
  return sequence.property("persistence").empty() ? " LOGGED" : " UNLOGGED";
}

std::string TableSql::identity_options(const CatalogObject& column) const {
  const auto found = identities_.find(column.key.name);
  if (found == identities_.end()) return {};
  const CatalogObject& sequence = *found->second;
  return fmt::format(
      " (SEQUENCE NAME {}{} START {} INCREMENT {} MINVALUE {} MAXVALUE {} CACHE {}{})",
      sequence.key.name, persistence_beside_table(column, sequence), sequence.property("start"),
      sequence.property("increment"), sequence.property("minimum"), sequence.property("maximum"),
      sequence.property("cache"), sequence.property("cycle").empty() ? "" : " CYCLE");
}

Statements TableSql::set_in_typed(const CatalogObject& column) const {
  Statements out;
  const std::string alter = fmt::format("ALTER TABLE {} ALTER COLUMN {} ", column.parent,
                                        last_part(column.parent, column.key.name));
  if (!column.property("default").empty()) {
    out.push_back(alter + "SET DEFAULT " + column.property("default"));
  }
  if (!column.property("not null").empty()) out.push_back(alter + "SET NOT NULL");
  return out;
}

bool TableSql::has_columns_of_parent(const CatalogObject& table) const {
  const std::string& parent = table.property("partition of");
  const auto own = changes_.to().columns_of(table.key.name);
  const auto above = changes_.to().columns_of(parent);
  return std::equal(own.begin(), own.end(), above.begin(), above.end(),
                    [&](const CatalogObject* a, const CatalogObject* b) {
                      return last_part(table.key.name, a->key.name) ==
                                 last_part(parent, b->key.name) &&
                             column_clause(*a) == column_clause(*b);
                    });
}

void TableSql::alter_inheritance(const CatalogObject& old, const CatalogObject& table) {
  const auto before = values_of(old.property("inherits"));
  const auto after = values_of(table.property("inherits"));
  for (const std::string& parent : before) {
    if (std::find(after.begin(), after.end(), parent) == after.end()) {
      draft_.say(fmt::format("ALTER TABLE {} NO INHERIT {}", table.key.name, parent));
    }
  }
  for (const std::string& parent : after) {
    if (std::find(before.begin(), before.end(), parent) == before.end()) {
      draft_.later.push_back(fmt::format("ALTER TABLE {} INHERIT {}", table.key.name, parent));
    }
  }
}

void TableSql::alter_column(const CatalogObject& old, const CatalogObject& column) {
  const std::string name = last_part(column.parent, column.key.name);
  const std::string table = fmt::format("ALTER TABLE {} ", column.parent);
  const auto alter = [&](const std::string& what) {
    draft_.say(fmt::format("{}ALTER COLUMN {} {}", table, name, what));
  };
  const auto differs = [&](const char* property) {
    return old.property(property) != column.property(property);
  };
  const bool was_generated = !old.property("generated").empty();
  if (differs("generated") && (!column.property("generated").empty())) {
    draft_.say(fmt::format("{}DROP COLUMN {}", table, name));
    draft_.say(fmt::format("{}ADD COLUMN {}", table, column_clause(column)));
    draft_.say(set_comment(column, {}));
    return;
  }
  if (was_generated && differs("generated")) alter("DROP EXPRESSION");
  const bool relabels = changes_.relabels_type(column.property("type"));
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
  draft_.say(set_storage(column, &old));
  if (const std::string options = alter_foreign_options(old, column); !options.empty()) {
    alter(options);
  }
  if (changes_.of(column.key, "order") != nullptr) {
    draft_.cannot(column.key, "the order of a table's columns cannot be changed");
  }
  draft_.say(set_comment(column, old.property("comment")));
  draft_.say(set_grants(column, old.property("grants")));
}

bool TableSql::needs_text(const CatalogObject& old, const CatalogObject& column) const {
  const auto own = [&](const std::string& type) { return type.find('.') != std::string::npos; };
  return own(old.property("type")) || own(column.property("type"));
}

}  // namespace pgcycle::catalog
