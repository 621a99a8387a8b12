// The transaction of a load, in which constraints rest until the rows are in.
//
// With the right to set session_replication_role, triggers rest and each foreign key is to be
// proven afterwards. Without it, PostgreSQL's own triggers check: keys of a cycle are made
// deferrable for the length of the transaction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/catalog/foreign_key_graph.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

enum class Triggers {
  rest,  // those of users too
  fire,
  at_rest  // in all of the session: `rest_triggers` succeeded
};

// Switches the session's triggers off until its end, so that its plans stay from one transaction
// to the next: the server throws them away where the role changes. False: there is no right to,
// or the session is a pooler's.
bool rest_triggers(postgres::Connection& connection);

class LoadTransaction {
 public:
  // `question` is asked at its beginning, in the same round trip.
  LoadTransaction(postgres::Connection& connection, const catalog::Schema& schema,
                  const std::vector<const catalog::Table*>& tables, Triggers triggers,
                  const std::string& question, Reporter& reporter);
  const postgres::Result& answer() const { return answer_.value(); }
  // Takes CHECK constraints that are NOT VALID out of the way of these tables' rows.
  void rest_checks(const std::vector<const catalog::Table*>& tables);
  // True where nothing is checked on the way and the keys must be proven.
  bool must_prove() const { return replica_; }
  // Whether the rest took changes of definitions, which are taken back at its end.
  bool has_altered() const { return !undo_.empty(); }
  // Statements that end the rest: deferred keys are checked then, triggers are as before.
  std::vector<postgres::Statement> ending() const;
  // What goes before statements that others may see and act upon.
  std::vector<postgres::Statement> usual_role() const;
  std::vector<postgres::Result> commit(std::vector<postgres::Statement> then) {
    return transaction_->commit(std::move(then));
  }

 private:
  bool begin_as_replica(const std::string& question);
  void defer_cycles(const catalog::Schema& schema);

  postgres::Connection& connection_;
  Triggers triggers_;
  std::optional<postgres::Transaction> transaction_;
  std::optional<postgres::Result> answer_;
  bool replica_ = false;
  std::vector<std::string> undo_;  // statements that put things back
};

}  // namespace pgcycle::load
