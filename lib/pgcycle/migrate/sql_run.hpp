// Running the statements of a file, each by itself, so that an error names its place.
//
// Plain statements are sent many at a time through a pipeline; COPY, \gexec and \echo end a
// batch. Errors come with file, line and column, those inside a function's body or a DO block
// with the line of the body.
//
// Thread rule: one thread, that of the connection. Errors: Error{statement}.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"

namespace pgcycle::migrate {

// Hears of each statement, for measuring; batches are then of one.
class StatementObserver {
 public:
  virtual ~StatementObserver() = default;
  virtual void before(const postgres::SqlStatement& statement) = 0;
  virtual void after(const postgres::SqlStatement& statement) = 0;
};

class SqlRun {
 public:
  SqlRun(postgres::Connection& connection, Reporter& reporter,
         StatementObserver* observer = nullptr)
      : connection_(connection), reporter_(reporter), observer_(observer) {}

  // Nothing but its text is to be sent.
  static bool is_plain(const postgres::SqlStatement& statement);

  void add(postgres::SqlStatement statement);
  // A statement of our own between those of the file.
  void add(postgres::Statement statement);
  // Runs what was added and has not run yet.
  void flush();
  // One statement by itself, outside any batch: no transaction is begun for it.
  void run_alone(const postgres::SqlStatement& statement);

 private:
  struct Item {
    postgres::SqlStatement statement;  // empty text: one of ours
    postgres::Statement sent;
  };

  void copy(const postgres::SqlStatement& statement);
  void execute_result(const postgres::SqlStatement& statement);

  postgres::Connection& connection_;
  Reporter& reporter_;
  StatementObserver* observer_;
  std::vector<Item> batch_;
  std::size_t batch_bytes_ = 0;
};

// The error with the statement's place and its first line.
Error with_place(const Error& error, const postgres::SqlStatement& statement,
                 const postgres::ErrorFields& fields);

}  // namespace pgcycle::migrate
