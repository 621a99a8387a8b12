// Sequences after a load: each set past what its columns hold.
//
// setval alone takes effect at once and for good; here a rollback, or a kill, undoes it: where
// the role owns the sequence, it first gets a file of its own, which is there from the commit on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::load {

// Where a sequence that columns own, have as their identity or name in their default belongs: at
// the furthest value in use by any of them; at its start where they are empty.
struct SequencePlace {
  std::int64_t value = 1;
  bool called = false;    // the next one is behind it
  bool is_there = false;  // it stands there already

  // "VALUE,CALLED", as the server writes the two behind one another.
  std::string text() const;
};

// Selects what `read_place` needs.
postgres::Statement place_of(const catalog::Sequence& sequence);
// Asks once more where a column holds what the sequence cannot reach.
SequencePlace read_place(postgres::Connection& connection, const catalog::Sequence& sequence,
                         const postgres::Result& selected);

// The statements that put it there; none where it is there.
std::vector<postgres::Statement> setting_of(const catalog::Sequence& sequence,
                                            const SequencePlace& place);

}  // namespace pgcycle::load
