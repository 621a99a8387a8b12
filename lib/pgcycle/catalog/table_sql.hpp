// Tables of a migration, with their columns. Internal to this folder.
#pragma once

#include <map>
#include <set>
#include <string>

#include "pgcycle/catalog/change_set.hpp"
#include "pgcycle/catalog/migration_draft.hpp"

namespace pgcycle::catalog {

class TableSql {
 public:
  // Both must outlive this.
  TableSql(const ChangeSet& changes, MigrationDraft& draft);

  void create(const CatalogObject& table);
  void alter(const CatalogObject& old, const CatalogObject& table);
  // A typed table keeps its type from changing.
  void untie();

 private:
  std::string column_clause(const CatalogObject& column) const;
  bool inherits_generation(const CatalogObject& column) const;
  // The sequence is as its table, unless it says otherwise.
  std::string persistence_beside_table(const CatalogObject& column,
                                       const CatalogObject& sequence) const;
  std::string identity_options(const CatalogObject& column) const;
  // What a column of a typed table has beyond its type.
  Statements set_in_typed(const CatalogObject& column) const;
  // Of a partition: it is as CREATE TABLE … PARTITION OF would make it.
  bool has_columns_of_parent(const CatalogObject& table) const;
  void alter_inheritance(const CatalogObject& old, const CatalogObject& table);
  void alter_column(const CatalogObject& old, const CatalogObject& column);
  // Between types of one's own only their text is a way.
  bool needs_text(const CatalogObject& old, const CatalogObject& column) const;

  const ChangeSet& changes_;
  MigrationDraft& draft_;
  std::map<std::string, const CatalogObject*> identities_;  // new sequences, by their column
  std::set<ObjectKey> untied_;
};

}  // namespace pgcycle::catalog
