#include "pgcycle/load/load_transaction.hpp"

#include <fmt/format.h>

#include "pgcycle/load/unvalidated_checks.hpp"
#include "pgcycle/load/user_triggers.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::load {

namespace {

constexpr const char* kNoRight = "42501";
constexpr const char* kUsualRole = "SET LOCAL session_replication_role = origin";

}  // namespace

bool rest_triggers(postgres::Connection& connection) {
  if (connection.is_pooled()) return false;
  try {
    connection.execute("SET session_replication_role = replica");
    return true;
  } catch (const Error& error) {
    if (error.sqlstate() != kNoRight) throw;
    return false;
  }
}

LoadTransaction::LoadTransaction(postgres::Connection& connection, const catalog::Schema& schema,
                                 const std::vector<const catalog::Table*>& tables,
                                 Triggers triggers, const std::string& question, Reporter& reporter)
    : connection_(connection), triggers_(triggers) {
  replica_ = triggers != Triggers::fire && begin_as_replica(question);
  if (replica_) {
    undo_ = rest_user_triggers(connection_, tables, FiringTriggers::of_replicas);
    return;
  }
  transaction_.emplace(connection_, question);
  answer_ = transaction_->result();
  if (triggers == Triggers::rest) {
    reporter.verbose(
        "the role may not set session_replication_role: the server checks foreign keys row by row");
    undo_ = rest_user_triggers(connection_, tables, FiringTriggers::of_any_session);
  }
  defer_cycles(schema);
  connection_.execute("SET CONSTRAINTS ALL DEFERRED");
}

bool LoadTransaction::begin_as_replica(const std::string& question) {
  const std::string role =
      triggers_ == Triggers::at_rest ? "" : "SET LOCAL session_replication_role = replica; ";
  try {
    transaction_.emplace(connection_, role + question);
    answer_ = transaction_->result();
    return true;
  } catch (const Error& error) {
    if (error.sqlstate() != kNoRight) throw;
    return false;
  }
}

void LoadTransaction::defer_cycles(const catalog::Schema& schema) {
  for (const catalog::ForeignKeyCycle& cycle : catalog::load_order(schema).cycles) {
    for (const catalog::ForeignKey* key : cycle.foreign_keys) {
      if (key->deferrable) continue;
      const std::string alter = fmt::format("ALTER TABLE {} ALTER CONSTRAINT {} ", key->relation,
                                            postgres::quote_identifier(key->name));
      connection_.execute(alter + "DEFERRABLE INITIALLY DEFERRED");
      undo_.push_back(alter + "NOT DEFERRABLE");
    }
  }
}

void LoadTransaction::rest_checks(const std::vector<const catalog::Table*>& tables) {
  for (std::string& statement : rest_unvalidated_checks(connection_, tables)) {
    undo_.push_back(std::move(statement));
  }
}

std::vector<postgres::Statement> LoadTransaction::ending() const {
  std::vector<std::string> statements = undo_;
  if (!replica_) statements.insert(statements.begin(), "SET CONSTRAINTS ALL IMMEDIATE");
  if (replica_ && triggers_ == Triggers::rest) statements.insert(statements.begin(), kUsualRole);
  std::vector<postgres::Statement> out;
  for (std::string& statement : statements) out.push_back({std::move(statement), {}});
  return out;
}

std::vector<postgres::Statement> LoadTransaction::usual_role() const {
  if (triggers_ != Triggers::at_rest) return {};
  return {{kUsualRole, {}}};
}

}  // namespace pgcycle::load
