// Sequences after a load: each set past what its columns hold.
//
// setval alone takes effect at once and for good; here a rollback, or a kill, undoes it: where
// the role owns the sequence, it first gets a file of its own, which is there from the commit on.
#pragma once

#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Selects where a sequence that columns own, have as their identity or name in their default
// belongs: at the furthest value in use by any of them; at its start where they are empty.
postgres::Statement place_of(const catalog::Sequence& sequence);

// The statements that put it there, of what `place_of` selected; none where it is there.
std::vector<postgres::Statement> setting_of(const catalog::Sequence& sequence,
                                            const postgres::Result& place);

}  // namespace pgcycle::load
