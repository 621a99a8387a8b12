// Foreign keys while a database is loaded, and their proof afterwards.
//
// With the right to set session_replication_role, triggers rest and each key is
// proven by one anti-join. Without it, PostgreSQL's own triggers check: keys of
// a cycle are made deferrable for the length of the transaction.
#pragma once

#include <set>
#include <vector>

#include "pgcycle/catalog/foreign_key_graph.hpp"
#include "pgcycle/load/row_source.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

enum class Triggers {
  rest,  // those of users too
  fire
};

// Lets rows go in whatever order for the rest of the transaction.
class ConstraintRest {
 public:
  ConstraintRest(postgres::Connection& connection, const catalog::Schema& schema,
                 const std::vector<const catalog::Table*>& tables, Triggers triggers,
                 Reporter& reporter);
  // True where nothing was checked on the way and the keys must be proven.
  bool must_prove() const { return replica_; }
  // Ends the rest: deferred keys are checked now, triggers are as before.
  void end();

 private:
  bool try_replica_role();
  void defer_cycles();

  postgres::Connection& connection_;
  const catalog::Schema& schema_;
  bool replica_ = false;
  std::vector<std::string> undo_;  // statements that put things back
};

// The keys from and to these tables. One that PostgreSQL itself has not validated is left out.
std::vector<const catalog::ForeignKey*> keys_to_prove(
    const catalog::Schema& schema, const std::vector<const catalog::Table*>& tables);
// Selects the key's columns of one row that breaks it, if there is one.
postgres::Statement proof_of(const catalog::ForeignKey& key);
// Throws Error{statement} with SQLSTATE 23503, as PostgreSQL would report it, at the place of
// the row that `broken` is of.
[[noreturn]] void throw_violation(const catalog::ForeignKey& key, const postgres::Result& broken,
                                  const std::vector<RowSource>& sources);

}  // namespace pgcycle::load
