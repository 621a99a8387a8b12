// Few rows of a table as one INSERT, which can be sent together with those of other tables:
// a COPY costs two round trips, and small tables are many.
#pragma once

#include <optional>
#include <vector>

#include "pgcycle/load/row_source.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// The statement; nothing where there are too many rows, or a column's type could read text in
// another way than COPY does. What the server refuses it refuses of COPY too, which alone can
// tell the row.
std::optional<postgres::Statement> as_one_insert(const catalog::Schema& schema,
                                                 const RowSource& source);

}  // namespace pgcycle::load
