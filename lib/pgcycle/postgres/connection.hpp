// A session with one PostgreSQL database.
//
// Queries and transactions run through libpqxx (6.4 to 7.x); COPY and the full
// fields of errors come from libpq on the same session. Neither library shows
// in this header.
//
// Every session sets its own application_name, search_path (empty: names must
// be qualified), DateStyle, IntervalStyle, extra_float_digits, bytea_output,
// lc_monetary, client_encoding and TimeZone, so that no server or user setting
// changes what is read.
//
// Thread rule: a Connection belongs to one thread at a time. `cancel` alone may
// be called from another. An interruption of the program cancels what runs.
// Errors: Error{connect} when there is no session, Error{statement} with
// detail, hint, constraint and SQLSTATE when the server refuses a statement.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::postgres {

// Rows of text values, as the server sent them; shared, cheap to copy.
class Result {
 public:
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::size_t columns() const;
  std::string column_name(std::size_t column) const;
  bool is_null(std::size_t row, std::size_t column) const;
  // Empty for NULL. The view lives as long as this Result.
  std::string_view text(std::size_t row, std::size_t column) const;
  std::string get(std::size_t row, std::size_t column) const {
    return std::string(text(row, column));
  }
  std::int64_t integer(std::size_t row, std::size_t column) const;
  bool boolean(std::size_t row, std::size_t column) const { return text(row, column) == "t"; }
  // The elements of a one-dimensional array value such as text[]; NULL
  // elements read as empty.
  std::vector<std::string> array(std::size_t row, std::size_t column) const;
  // Rows touched by INSERT, UPDATE, DELETE, MERGE or COPY.
  std::uint64_t affected_rows() const;

  using Row = std::vector<std::optional<std::string>>;
  // An answer that was taken down earlier, without the columns' names; rows of one length.
  static Result of_rows(const std::vector<Row>& rows);

 private:
  friend class Connection;
  struct Impl;
  explicit Result(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

using Parameters = std::vector<std::optional<std::string>>;

struct Statement {
  std::string sql;
  Parameters parameters;
};

// All that the server said of an error. `position` counts characters from 1 in
// the statement; 0 when there is none.
struct ErrorFields {
  std::string severity, sqlstate, message, detail, hint, context;
  std::string schema, table, column, constraint;
  int position = 0;
  std::size_t statement = 0;  // of those that were sent at once, from 0
};

// The error that a user sees for these fields.
Error to_error(const ErrorFields& fields);

class Connection {
 public:
  struct Options {
    std::string application_name = "pgcycle";
    Reporter* reporter = nullptr;  // receives `--debug=sql` and the server's warnings
    bool plain_session = false;    // leave the session's settings as the server has them
  };

  static Connection open(const ConnectionInfo& info, const Options& options);
  static Connection open(const ConnectionInfo& info) { return open(info, Options()); }
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  // One statement, with $1, $2 … taken from `parameters`.
  Result query(std::string_view sql, const Parameters& parameters = {});
  // One or more statements without parameters; the last one's result.
  Result execute(std::string_view sql);
  // A statement that the server answers while `work` is done here.
  Result query_while(std::string_view sql, const std::function<void()>& work);
  // Several statements sent at once, in one transaction unless they say otherwise. Each
  // is prepared at its first run in the session. Returns, for each, the values of its
  // rows one after the other; NULL as an empty one.
  std::vector<std::vector<std::string>> run(const std::vector<Statement>& statements);

  // The same with their results, and without preparing them. What they return must be
  // little, and none may be a COPY. Where one fails, `last_error().statement` is its number.
  std::vector<Result> query_all(const std::vector<Statement>& statements);
  // From now on `query_all` prepares what it runs a second time; for sessions that ask the same
  // again and again.
  void keep_plans();
  // The server's session may be handed to others between transactions: nothing is left in it.
  // Settings are made anew in each transaction, and nothing is prepared. Not known of a plain one.
  bool is_pooled() const;
  // For when definitions have changed: a plan may not return other types than before.
  void forget_plans();

  // COPY … TO STDOUT. `sink` gets blocks of about 64 KiB that end at a row's
  // end; returns the number of rows. Throws Error{input} for text that is not UTF-8.
  std::uint64_t copy_out(std::string_view sql, const std::function<void(std::string_view)>& sink);
  // COPY … FROM STDIN. `source` fills the buffer it is given and returns false
  // at the end of the data. An exception out of `source` ends the COPY with an
  // error on the server and is thrown on. Returns the number of rows.
  std::uint64_t copy_in(std::string_view sql, const std::function<bool(std::string&)>& source);
  // Several of them behind the statements `before`, all sent at once. Where one fails,
  // `last_error().statement` is its number, from 0 and with those before.
  struct CopyIn {
    std::string sql;
    std::function<bool(std::string&)> source;   // also called while the one before still runs
    std::function<void(std::uint64_t)> finish;  // hears the number of rows
  };
  void copy_in_all(const std::vector<std::string>& before, const std::vector<CopyIn>& copies);

  // The fields of the last error of this session.
  const ErrorFields& last_error() const;
  // Tells whether the session is inside a transaction block, working or failed.
  bool in_transaction() const;
  bool in_failed_transaction() const;
  void cancel() noexcept;

  int server_version() const;  // 150004 for 15.4
  int backend_pid() const;
  const ConnectionInfo& info() const;
  std::string database() const;

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// BEGIN … COMMIT around a scope; rolled back unless committed.
class Transaction {
 public:
  enum class Mode { read_write, snapshot };  // snapshot: REPEATABLE READ, READ ONLY
  explicit Transaction(Connection& connection, Mode mode = Mode::read_write);
  // `first`: statements without parameters that are sent along with BEGIN.
  Transaction(Connection& connection, std::string_view first);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();
  // `then`: statements that are sent along and run once it is committed. Their results; none where
  // one of them fails, since the transaction is there all the same.
  std::vector<Result> commit(std::vector<Statement> then);
  void rollback();
  // Of the last of the first statements.
  const Result& result() const { return result_.value(); }

 private:
  Connection& connection_;
  std::optional<Result> result_;
  bool open_ = true;
};

}  // namespace pgcycle::postgres
