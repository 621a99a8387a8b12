// A statement that no transaction can hold: whether one that was cut off came to its end, and what
// it left. Internal to this folder.
//
// CREATE INDEX and REINDEX CONCURRENTLY leave invalid indexes, also of the table's TOAST table:
// the one that was being made (`_ccnew`), or the one that was replaced (`_ccold`).
//
// Source: PostgreSQL's pages of CREATE INDEX, REINDEX ("Rebuilding Indexes Concurrently") and ALTER
// TABLE (DETACH PARTITION … FINALIZE). Thread rule: one thread.
#pragma once

#include <string>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/statement_traits.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::migrate {

class LoneStatement {
 public:
  LoneStatement(postgres::Connection& connection, const postgres::StatementTraits& traits,
                Reporter& reporter)
      : connection_(connection), traits_(traits), reporter_(reporter) {}

  // What must be known of the time before it ran: oids of indexes, as an array.
  std::string before();
  // Tells whether one that was cut off came to its end. Waits for the server, which may still be at
  // it, and clears away what a half done one left. Throws what the server refuses.
  bool was_done(const std::string& before);
  // Drops the invalid indexes that it left.
  void clear_away(const std::string& before);

 private:
  bool was_detached();
  bool were_dropped();
  bool was_created(const std::string& before);
  void wait_for_builders();
  std::string question(const std::string& head, const std::string& of_index) const;
  const std::string& name() const {
    return traits_.indexed_table.empty() ? traits_.reindexed : traits_.indexed_table;
  }
  bool makes_index() const { return !traits_.indexed_table.empty(); }
  bool works_on_indexes() const { return makes_index() || !traits_.reindexed_kind.empty(); }

  postgres::Connection& connection_;
  const postgres::StatementTraits& traits_;
  Reporter& reporter_;
};

}  // namespace pgcycle::migrate
