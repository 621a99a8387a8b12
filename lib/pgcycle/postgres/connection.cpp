#include "pgcycle/postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-events.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "pgcycle/postgres/connection_impl.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::postgres {

namespace {

std::string field_of(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

ErrorFields read_error_fields(const PGresult* result) {
  ErrorFields fields;
  fields.severity = field_of(result, PG_DIAG_SEVERITY);
  fields.sqlstate = field_of(result, PG_DIAG_SQLSTATE);
  fields.message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  fields.detail = field_of(result, PG_DIAG_MESSAGE_DETAIL);
  fields.hint = field_of(result, PG_DIAG_MESSAGE_HINT);
  fields.context = field_of(result, PG_DIAG_CONTEXT);
  fields.schema = field_of(result, PG_DIAG_SCHEMA_NAME);
  fields.table = field_of(result, PG_DIAG_TABLE_NAME);
  fields.column = field_of(result, PG_DIAG_COLUMN_NAME);
  fields.constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME);
  const std::string position = field_of(result, PG_DIAG_STATEMENT_POSITION);
  std::from_chars(position.data(), position.data() + position.size(), fields.position);
  return fields;
}

// libpqxx drops a failed result before anyone sees its fields. libpq tells
// each registered event procedure of every result it makes, so they are read
// there.
int keep_error_fields(PGEventId event, void* info, void* pass_through) {
  if (event != PGEVT_RESULTCREATE) return 1;
  const auto* created = static_cast<PGEventResultCreate*>(info);
  if (PQresultStatus(created->result) == PGRES_FATAL_ERROR) {
    *static_cast<ErrorFields*>(pass_through) = read_error_fields(created->result);
  }
  return 1;
}

void receive_notice(void* reporter, const PGresult* result) {
  const std::string severity = field_of(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  const std::string message = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  if (reporter == nullptr) return;
  static_cast<Reporter*>(reporter)->message(severity == "WARNING" ? Level::warning : Level::verbose,
                                            fmt::format("server: {}", message));
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kSettings{
    {{"search_path", "''"},
     {"DateStyle", "'ISO, MDY'"},
     {"IntervalStyle", "'postgres'"},
     {"extra_float_digits", "'3'"},
     {"bytea_output", "'hex'"},
     {"lc_monetary", "'C'"},
     {"TimeZone", "'UTC'"},
     {"xmloption", "'content'"},
     {"row_security", "'off'"},
     {"statement_timeout", "'0'"},
     {"idle_in_transaction_session_timeout", "'0'"},
     {"quote_all_identifiers", "'off'"},
     {"standard_conforming_strings", "'on'"}}};

std::string settings_by(std::string_view command) {
  std::string out;
  for (const auto& [name, value] : kSettings) {
    out += fmt::format("{}{} {} = {}", out.empty() ? "" : "; ", command, name, value);
  }
  return out;
}

std::string_view first_word(std::string_view sql) {
  sql.remove_prefix(std::min(sql.find_first_not_of(" \t\n"), sql.size()));
  return sql.substr(0, sql.find_first_of(" \t\n;("));
}

bool begins_transaction(std::string_view sql) { return first_word(sql) == "BEGIN"; }

// What reads or writes rows; other statements may refuse to be in a transaction.
bool depends_on_settings(std::string_view sql) {
  constexpr std::array<std::string_view, 8> kWords{"SELECT", "WITH",   "VALUES", "COPY",
                                                   "INSERT", "UPDATE", "DELETE", "EXPLAIN"};
  return std::find(kWords.begin(), kWords.end(), first_word(sql)) != kWords.end();
}

// A pooler gives each client a process id of its own making. pgcycle's own server, at a socket
// of the usual port, is not asked.
bool is_of_a_pooler(Connection& connection, PGconn* raw) {
  if (PQhost(raw)[0] == '/' && std::string_view(PQport(raw)) == "5432") return false;
  return connection.execute("SELECT pg_catalog.pg_backend_pid()").integer(0, 0) !=
         PQbackendPID(raw);
}

Error connection_error(const ConnectionInfo& info, PGconn* raw) {
  std::string reason = raw == nullptr ? "out of memory" : PQerrorMessage(raw);
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return Error(ErrorCode::connect, fmt::format("cannot connect to {}", info.uri())).detail(reason);
}

}  // namespace

// Of libpqxx, or `raw` of a statement that was sent with others.
struct Result::Impl {
  pqxx::result rows;
  ResultHandle raw;
};

Result Result::of_rows(const std::vector<Row>& rows) {
  ResultHandle raw(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK));
  const auto check = [](bool ok) {
    if (!ok) throw Error(ErrorCode::internal, "a remembered answer of the server does not fit");
  };
  check(raw != nullptr);
  if (!rows.empty()) {
    std::string no_name;
    std::vector<PGresAttDesc> columns(rows[0].size());
    for (PGresAttDesc& column : columns) column.name = no_name.data();
    check(PQsetResultAttrs(raw.get(), static_cast<int>(columns.size()), columns.data()) != 0);
  }
  for (std::size_t row = 0; row < rows.size(); ++row) {
    check(rows[row].size() == rows[0].size());
    for (std::size_t column = 0; column < rows[row].size(); ++column) {
      std::string value = rows[row][column].value_or("");
      const int length = rows[row][column] ? static_cast<int>(value.size()) : -1;
      check(PQsetvalue(raw.get(), static_cast<int>(row), static_cast<int>(column), value.data(),
                       length) != 0);
    }
  }
  return Result(std::make_shared<const Impl>(Impl{{}, std::move(raw)}));
}

std::size_t Result::size() const {
  if (impl_->raw) return static_cast<std::size_t>(PQntuples(impl_->raw.get()));
  return static_cast<std::size_t>(impl_->rows.size());
}

std::size_t Result::columns() const {
  if (impl_->raw) return static_cast<std::size_t>(PQnfields(impl_->raw.get()));
  return static_cast<std::size_t>(impl_->rows.columns());
}

std::string Result::column_name(std::size_t column) const {
  if (impl_->raw) return PQfname(impl_->raw.get(), static_cast<int>(column));
  return impl_->rows.column_name(static_cast<pqxx::row::size_type>(column));
}

bool Result::is_null(std::size_t row, std::size_t column) const {
  if (impl_->raw) {
    return PQgetisnull(impl_->raw.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
  }
  return impl_
      ->rows[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row::size_type>(column)]
      .is_null();
}

std::string_view Result::text(std::size_t row, std::size_t column) const {
  if (const PGresult* raw = impl_->raw.get()) {
    const int i = static_cast<int>(row);
    const int k = static_cast<int>(column);
    return {PQgetvalue(raw, i, k), static_cast<std::size_t>(PQgetlength(raw, i, k))};
  }
  const auto field = impl_->rows[static_cast<pqxx::result::size_type>(row)]
                                [static_cast<pqxx::row::size_type>(column)];
  if (field.is_null()) return {};
  return {field.c_str(), static_cast<std::size_t>(field.size())};
}

std::int64_t Result::integer(std::size_t row, std::size_t column) const {
  const std::string_view digits = text(row, column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw Error(ErrorCode::internal, fmt::format("expected an integer, not '{}'", digits));
  }
  return value;
}

std::vector<std::string> Result::array(std::size_t row, std::size_t column) const {
  std::vector<std::string> out;
  std::string_view rest = text(row, column);
  if (rest.size() < 2) return out;
  rest = rest.substr(1, rest.size() - 2);
  while (!rest.empty()) {
    std::string element;
    std::size_t i = 0;
    if (rest[0] == '"') {
      for (i = 1; rest[i] != '"'; ++i) {
        if (rest[i] == '\\') ++i;
        element.push_back(rest[i]);
      }
      ++i;
    } else {
      i = std::min(rest.find(','), rest.size());
      element = rest.substr(0, i);
      if (element == "NULL") element.clear();
    }
    out.push_back(std::move(element));
    rest.remove_prefix(std::min(i + 1, rest.size()));
  }
  return out;
}

std::uint64_t Result::affected_rows() const {
  if (impl_->raw) return rows_of(impl_->raw.get());
  return static_cast<std::uint64_t>(impl_->rows.affected_rows());
}

Error to_error(const ErrorFields& fields) {
  Error error(fields.sqlstate == "57014" && interrupt_requested() ? ErrorCode::interrupted
                                                                  : ErrorCode::statement,
              fields.message);
  std::string detail = fields.detail;
  if (!fields.context.empty()) detail += (detail.empty() ? "" : "\n") + fields.context;
  return error.detail(detail)
      .hint(fields.hint)
      .sqlstate(fields.sqlstate)
      .constraint(fields.constraint);
}

void Connection::Impl::raise(std::string_view fallback_message) {
  if (last_error.sqlstate.empty() || PQstatus(raw()) == CONNECTION_BAD) {
    std::string reason =
        last_error.message.empty() ? std::string(fallback_message) : last_error.message;
    while (!reason.empty() && reason.back() == '\n') reason.pop_back();
    throw Error(ErrorCode::connect, fmt::format("lost the connection to {}", info.uri()))
        .detail(reason)
        .hint("see the server's log; run again once it is back");
  }
  throw to_error(last_error);
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

Connection Connection::open(const ConnectionInfo& info, const Options& options) {
  auto impl = std::make_unique<Impl>();
  impl->info = info;
  impl->reporter = options.reporter;
  const std::string conninfo = info.with("application_name", options.application_name)
                                   .with("client_encoding", "UTF8")
                                   .conninfo();
  PGconn* raw = PQconnectdb(conninfo.c_str());
  if (raw == nullptr || PQstatus(raw) != CONNECTION_OK) {
    const Error error = connection_error(info, raw);
    PQfinish(raw);
    throw error;
  }
  try {
    impl->session = std::make_unique<PqxxSession>(raw);
  } catch (const std::exception& error) {  // ended by the server as soon as it stood
    throw Error(ErrorCode::connect, fmt::format("lost the connection to {}", info.uri()))
        .detail(error.what());
  }
  PQregisterEventProc(raw, keep_error_fields, "pgcycle", &impl->last_error);
  PQsetNoticeReceiver(raw, receive_notice, options.reporter);
  impl->cancel_handle.reset(PQgetCancel(raw));
  Connection connection(std::move(impl));
  connection.impl_->on_interrupt =
      std::make_unique<OnInterrupt>([target = connection.impl_->cancel_handle.get()] {
        std::array<char, 256> message{};
        PQcancel(target, message.data(), static_cast<int>(message.size()));
      });
  if (options.plain_session) return connection;
  connection.impl_->pooled = is_of_a_pooler(connection, raw);
  if (!connection.impl_->pooled) connection.execute(settings_by("SET"));
  return connection;
}

// SET LOCAL would warn where the transaction is the message's own.
std::string Connection::Impl::settings_query() {
  std::string out;
  for (const auto& [name, value] : kSettings) {
    out += fmt::format("{}pg_catalog.set_config('{}', {}, true)", out.empty() ? "SELECT " : ", ",
                       name, value);
  }
  return out;
}

bool Connection::Impl::lacks_settings() const {
  return pooled && PQtransactionStatus(raw()) == PQTRANS_IDLE;
}

std::string Connection::Impl::with_settings(std::string_view sql) const {
  if (!lacks_settings()) return std::string(sql);
  if (begins_transaction(sql)) {
    const std::size_t behind = std::min(sql.find(';'), sql.size());
    return fmt::format("{}; {}{}", sql.substr(0, behind), settings_by("SET LOCAL"),
                       sql.substr(behind));
  }
  if (!depends_on_settings(sql)) return std::string(sql);
  return fmt::format("{}; {}", settings_by("SET LOCAL"), sql);
}

Result Connection::query(std::string_view sql, const Parameters& parameters) {
  if (!parameters.empty() && impl_->lacks_settings()) {
    return query_all({{std::string(sql), parameters}}).front();
  }
  impl_->log_sql(sql);
  impl_->last_error = {};
  try {
    auto rows = std::make_shared<Result::Impl>();
    rows->rows = parameters.empty() ? impl_->session->execute(impl_->with_settings(sql))
                                    : impl_->session->execute(std::string(sql), parameters);
    return Result(std::move(rows));
  } catch (const pqxx::failure& failure) {
    impl_->raise(failure.what());
  }
}

Result Connection::execute(std::string_view sql) { return query(sql); }

Result Connection::query_while(std::string_view sql, const std::function<void()>& work) {
  impl_->log_sql(sql);
  impl_->last_error = {};
  PGconn* const raw = impl_->raw();
  if (PQsendQuery(raw, impl_->with_settings(sql).c_str()) != 1) {
    impl_->raise(PQerrorMessage(raw));
  }
  std::exception_ptr failure;
  try {
    work();
  } catch (...) {
    failure = std::current_exception();
  }
  auto rows = std::make_shared<Result::Impl>();
  bool failed = true;
  while (ResultHandle result{PQgetResult(raw)}) {
    failed = PQresultStatus(result.get()) != PGRES_TUPLES_OK;
    rows->raw = std::move(result);
  }
  if (failure) std::rethrow_exception(failure);
  if (failed) impl_->raise(PQerrorMessage(raw));
  return Result(std::move(rows));
}

namespace {

std::vector<const char*> pointers_to(const Parameters& parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& value : parameters) values.push_back(value ? value->c_str() : nullptr);
  return values;
}

std::vector<std::string> cells_of(const PGresult* result) {
  std::vector<std::string> cells;
  for (int row = 0; row < PQntuples(result); ++row) {
    for (int column = 0; column < PQnfields(result); ++column) {
      cells.emplace_back(PQgetvalue(result, row, column));
    }
  }
  return cells;
}

}  // namespace

void Connection::Impl::send_all(const std::vector<Statement>& statements, std::size_t prepared_at,
                                const std::function<void(ResultHandle)>& take) {
  last_error = {};
  PGconn* const session_handle = raw();
  if (PQenterPipelineMode(session_handle) != 1) raise(PQerrorMessage(session_handle));
  std::vector<bool> is_preparation;  // of each result to come
  std::vector<std::string> fresh;
  bool settings_to_come = lacks_settings() && !statements.empty();
  for (const Statement& statement : statements) {
    if (settings_to_come && !begins_transaction(statement.sql)) {
      settings_to_come = false;
      PQsendQueryParams(session_handle, settings_query().c_str(), 0, nullptr, nullptr, nullptr,
                        nullptr, 0);
      is_preparation.push_back(true);
    }
    log_sql(statement.sql);
    const std::vector<const char*> values = pointers_to(statement.parameters);
    const int count = static_cast<int>(values.size());
    const bool is_prepared = prepared_at > 0 && !pooled &&
                             (prepared.contains(statement.sql) ||
                              ++runs[std::hash<std::string>()(statement.sql)] >= prepared_at);
    if (!is_prepared) {
      PQsendQueryParams(session_handle, statement.sql.c_str(), count, nullptr, values.data(),
                        nullptr, nullptr, 0);
    } else {
      std::string& name = prepared[statement.sql];
      if (name.empty()) {
        name = fmt::format("pgcycle_{}", ++prepared_count);
        fresh.push_back(statement.sql);
        PQsendPrepare(session_handle, name.c_str(), statement.sql.c_str(), 0, nullptr);
        is_preparation.push_back(true);
      }
      PQsendQueryPrepared(session_handle, name.c_str(), count, values.data(), nullptr, nullptr, 0);
    }
    is_preparation.push_back(false);
  }
  PQpipelineSync(session_handle);
  std::size_t answered = 0;
  std::optional<ErrorFields> error;
  for (const bool preparation : is_preparation) {
    while (ResultHandle result{PQgetResult(session_handle)}) {
      if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR && !error) {
        error = last_error;
        error->statement = answered;
      }
      if (preparation || error) continue;
      take(std::move(result));
      ++answered;
    }
  }
  while (const ResultHandle result{PQgetResult(session_handle)}) {
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) break;
  }
  PQexitPipelineMode(session_handle);
  if (!error && answered == statements.size()) return;
  for (const std::string& sql : fresh) prepared.erase(sql);
  if (error) last_error = *error;
  raise(PQerrorMessage(session_handle));
}

std::vector<std::vector<std::string>> Connection::run(const std::vector<Statement>& statements) {
  std::vector<std::vector<std::string>> out;
  impl_->send_all(statements, 1,
                  [&out](const ResultHandle& result) { out.push_back(cells_of(result.get())); });
  return out;
}

std::vector<Result> Connection::query_all(const std::vector<Statement>& statements) {
  std::vector<Result> out;
  impl_->send_all(statements, impl_->keeps_plans ? 2 : 0, [&out](ResultHandle result) {
    auto rows = std::make_shared<Result::Impl>();
    rows->raw = std::move(result);
    out.push_back(Result(std::move(rows)));
  });
  return out;
}

void Connection::keep_plans() { impl_->keeps_plans = true; }

bool Connection::is_pooled() const { return impl_->pooled; }

void Connection::forget_plans() {
  if (impl_->prepared.empty()) return;
  execute("DEALLOCATE ALL");
  impl_->prepared.clear();
}

const ErrorFields& Connection::last_error() const { return impl_->last_error; }

bool Connection::in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(impl_->raw());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

bool Connection::in_failed_transaction() const {
  return PQtransactionStatus(impl_->raw()) == PQTRANS_INERROR;
}

void Connection::cancel() noexcept {
  std::array<char, 256> message{};
  PQcancel(impl_->cancel_handle.get(), message.data(), static_cast<int>(message.size()));
}

int Connection::server_version() const { return PQserverVersion(impl_->raw()); }
int Connection::backend_pid() const { return PQbackendPID(impl_->raw()); }
const ConnectionInfo& Connection::info() const { return impl_->info; }
std::string Connection::database() const { return PQdb(impl_->raw()); }

Transaction::Transaction(Connection& connection, Mode mode) : connection_(connection) {
  connection_.execute(mode == Mode::snapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
                                             : "BEGIN");
}

Transaction::Transaction(Connection& connection, std::string_view first) : connection_(connection) {
  try {
    result_ = connection_.execute(fmt::format("BEGIN; {}", first));
  } catch (const Error&) {
    rollback();
    throw;
  }
}

Transaction::~Transaction() {
  try {
    rollback();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the server rolls back a lost session itself
  }
}

void Transaction::commit() {
  throw_if_interrupted();
  connection_.execute("COMMIT");
  open_ = false;
}

std::vector<Result> Transaction::commit(std::vector<Statement> then) {
  throw_if_interrupted();
  then.insert(then.begin(), {"COMMIT", {}});
  std::vector<Result> results;
  try {
    results = connection_.query_all(then);
    results.erase(results.begin());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement || connection_.last_error().statement == 0) throw;
  }
  open_ = false;
  return results;
}

void Transaction::rollback() {
  if (!std::exchange(open_, false)) return;
  if (connection_.in_transaction()) connection_.execute("ROLLBACK");
}

}  // namespace pgcycle::postgres
