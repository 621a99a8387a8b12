// Statements about one object of an inventory by itself. Internal to this folder.
//
// Without semicolons. Thread rule: free functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/inventory.hpp"

namespace pgcycle::catalog {

using Statements = std::vector<std::string>;

std::string upper(std::string text);

// The last part of a name like "schema"."table"."column", as SQL.
std::string last_part(const std::string& parent, const std::string& name);

std::string definition_of(const CatalogObject& object);
// " WITH (…)", or empty.
std::string options_clause(const CatalogObject& object);

// " USING …", or empty.
std::string access_method_clause(const CatalogObject& object);

std::string create_sequence(const CatalogObject& object);
Statements create_type(const CatalogObject& object);
std::string create_policy(const CatalogObject& policy);

// What brings the old object to the new one.
Statements alter_sequence(const CatalogObject& old, const CatalogObject& sequence);
Statements alter_options(const CatalogObject& old, const CatalogObject& object);
Statements alter_domain(const CatalogObject& old, const CatalogObject& type);
Statements alter_composite(const CatalogObject& old, const CatalogObject& type);
// `old` is null for a new table.
Statements set_row_security(const CatalogObject& table, const CatalogObject* old);
// `before` is the property as it is.
Statements set_comment(const CatalogObject& object, const std::string& before);
Statements set_column_comments(const CatalogObject& view, const std::string& before);
Statements set_check_comments(const CatalogObject& domain, const std::string& before);
Statements set_index_comment(const CatalogObject& constraint, const std::string& before);
Statements set_clustered(const CatalogObject& index, const std::string& before);
// How a column is stored and sampled; `old` is null for a new one.
Statements set_storage(const CatalogObject& column, const CatalogObject* old);
// " OPTIONS (…)" of a foreign table or column, or empty; `alter_`: what makes the old ones these.
std::string foreign_options(const CatalogObject& object);
std::string alter_foreign_options(const CatalogObject& old, const CatalogObject& object);
Statements set_grants(const CatalogObject& object, const std::string& before);

}  // namespace pgcycle::catalog
