// Sequences after a load: each set past what its columns hold.
//
// setval alone takes effect at once and for good; here a rollback, or a kill, undoes it: where
// the role owns the sequence, it first gets a file of its own, which is there from the commit on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/load/row_source.hpp"
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

// The furthest values of sequences as rows hold them that are the only ones of their tables, so
// that the server need not look for them.
class FurthestValues {
 public:
  FurthestValues() = default;
  // `sources` are all that is loaded; triggers must be at rest.
  FurthestValues(const catalog::Schema& schema,
                 const std::vector<const catalog::Sequence*>& sequences,
                 const std::vector<const RowSource*>& sources);
  // Whether no row need be seen.
  bool empty() const { return columns_.empty(); }
  // Each row of each source, by its number.
  void see(std::size_t source, const fixture::Row& row);
  // As SQL; nothing where only the server can tell.
  std::optional<std::string> of(const catalog::Sequence& sequence) const;

 private:
  struct Column {
    std::size_t index = 0;  // among the stored ones
    bool is_descending = false;
    std::optional<std::int64_t> furthest;
    bool is_known = true;
  };
  std::vector<Column> columns_;
  std::map<const catalog::Sequence*, std::size_t> column_of_;
  std::vector<std::vector<std::size_t>> columns_of_;  // by source
};

// Selects what `read_place` needs; `furthest` is known to be the furthest value in use, as SQL.
postgres::Statement place_of(const catalog::Sequence& sequence,
                             const std::optional<std::string>& furthest = {});
// Asks once more where a column holds what the sequence cannot reach.
SequencePlace read_place(postgres::Connection& connection, const catalog::Sequence& sequence,
                         const postgres::Result& selected);

// The statements that put it there; none where it is there.
std::vector<postgres::Statement> setting_of(const catalog::Sequence& sequence,
                                            const SequencePlace& place);

}  // namespace pgcycle::load
