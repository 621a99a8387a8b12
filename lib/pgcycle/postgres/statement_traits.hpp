// What a statement's own words tell of how it must be run.
//
// Works on tokens, so that neither comments nor strings mislead it. What only the server
// can know, such as a procedure that commits, is not found.
//
// Source: the pages of PostgreSQL's commands that say "cannot be executed inside a
// transaction block". Thread rule: free functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/postgres/sql_lexer.hpp"

namespace pgcycle::postgres {

enum class TransactionControl { none, begin, commit, rollback, inner };  // inner: savepoints

struct StatementTraits {
  // The server refuses it inside a transaction block.
  bool outside_transaction = false;
  TransactionControl control = TransactionControl::none;
  // SET, RESET and the like: holds for the session, not for the transaction alone.
  bool changes_session = false;
  // It leaves settings, role and temporary tables as they are.
  bool keeps_session = false;
  // DROP …, or ALTER TABLE, which may drop columns.
  bool may_drop = false;
  // CREATE INDEX CONCURRENTLY: the table it is on, as SQL, and its own name where it has one;
  // empty for all else.
  std::string indexed_table;
  std::string created_index;
  // DROP INDEX CONCURRENTLY: the indexes, as SQL.
  std::vector<std::string> dropped_indexes;
  // REINDEX … CONCURRENTLY: index, table, schema or database, and its name as SQL.
  std::string reindexed_kind;
  std::string reindexed;
  // ALTER TABLE … DETACH PARTITION … CONCURRENTLY: the table and the partition, as SQL.
  std::string detached_from;
  std::string detached;
  // One of those above that work beside others, by several transactions of their own.
  bool is_concurrent() const {
    return !indexed_table.empty() || !dropped_indexes.empty() || !reindexed_kind.empty() ||
           !detached.empty();
  }
};

StatementTraits traits_of(std::string_view statement);

}  // namespace pgcycle::postgres
