// Sequences after a load: each set past what its columns hold.
#pragma once

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Sets a sequence that columns own, have as their identity or name in their default to the
// furthest value in use by any of them; to its start where they are empty.
postgres::Statement setting_of(const catalog::Sequence& sequence);

}  // namespace pgcycle::load
