// The proof of foreign keys that nothing checked while rows were loaded: one anti-join each.
#pragma once

#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/load/row_source.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// The keys from and to these tables. One that PostgreSQL itself has not validated is left out.
std::vector<const catalog::ForeignKey*> keys_to_prove(
    const catalog::Schema& schema, const std::vector<const catalog::Table*>& tables);
// Counts the rows that break the key.
postgres::Statement proof_of(const catalog::ForeignKey& key);
// Throws Error{statement} with SQLSTATE 23503, as PostgreSQL would report it, at the place of one
// of them.
void require_proven(postgres::Connection& connection, const catalog::ForeignKey& key,
                    const postgres::Result& proof, const std::vector<RowSource>& sources);

}  // namespace pgcycle::load
