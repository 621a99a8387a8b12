// The inside of Connection, shared by connection.cpp and copy.cpp.
#pragma once

#include <libpq-fe.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/pqxx_session.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::postgres {

struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, FreeResult>;

// How many rows a command touched.
std::uint64_t rows_of(const PGresult* result);

struct FreeCancel {
  void operator()(PGcancel* cancel) const { PQfreeCancel(cancel); }
};

struct Connection::Impl {
  ConnectionInfo info;
  Reporter* reporter = nullptr;
  ErrorFields last_error;
  std::unique_ptr<PGcancel, FreeCancel> cancel_handle;
  std::unique_ptr<PqxxSession> session;
  std::unique_ptr<OnInterrupt> on_interrupt;
  std::unordered_map<std::string, std::string> prepared;  // statement → its name
  std::size_t prepared_count = 0;
  bool keeps_plans = false;
  bool pooled = false;  // the server's session is others' between transactions
  std::unordered_map<std::size_t, std::size_t> runs;  // of statements, by their hash

  PGconn* raw() const { return session->raw(); }
  void log_sql(std::string_view sql) const {
    if (reporter != nullptr && reporter->debugs(DebugTopic::sql)) {
      reporter->debug(DebugTopic::sql, sql);
    }
  }
  // In a pooler's session, outside of a transaction.
  bool lacks_settings() const;
  // One statement that makes the settings for its transaction.
  static std::string settings_query();
  // The statements, where they need it, with the settings in their transaction.
  std::string with_settings(std::string_view sql) const;
  // Sends all at once; `take` gets the result of each. What runs for the `prepared_at`th time is
  // prepared; 0: nothing is. Throws the first error, with the number of its statement.
  void send_all(const std::vector<Statement>& statements, std::size_t prepared_at,
                const std::function<void(ResultHandle)>& take);
  // Throws what `last_error` says, or Error{connect} when the session is gone.
  [[noreturn]] void raise(std::string_view fallback_message);
};

}  // namespace pgcycle::postgres
