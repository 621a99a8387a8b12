// COPY over libpq, in blocks, on the session that libpqxx uses.
#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "pgcycle/postgres/connection_impl.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::postgres {

namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} * 1024;

// Takes the final result of a COPY and leaves the session idle.
ResultHandle finish(PGconn* raw) {
  ResultHandle last;
  while (PGresult* result = PQgetResult(raw)) {
    if (last && PQresultStatus(last.get()) == PGRES_FATAL_ERROR) {
      PQclear(result);
    } else {
      last.reset(result);
    }
  }
  return last;
}

// An SQL_ASCII database, and what was restored from one, may hold any bytes.
Error not_utf8(std::string detail) {
  return Error(ErrorCode::input, "the database holds text that is not UTF-8")
      .detail(std::move(detail))
      .hint(
          "convert it first: it may have come from a database in SQL_ASCII, which takes any bytes");
}

// Sends the rows of one COPY after the other. The first block of the next is made while the
// server is busy.
class CopySender {
 public:
  CopySender(PGconn* raw, const std::vector<Connection::CopyIn>& copies)
      : raw_(raw), copies_(copies) {
    block_.reserve(kBlockBytes * 2);
    fill();
  }

  // An exception of its source, or one before, ends the COPY with an error. False: the session is
  // lost.
  bool send_next() {
    for (; !failure_; fill()) {
      const int bytes = static_cast<int>(block_.size());
      if (bytes > 0 && PQputCopyData(raw_, block_.data(), bytes) != 1) break;
      if (!more_) break;
    }
    has_cancelled_ = failure_ != nullptr;
    const char* const reason = has_cancelled_ ? "the source of the rows failed" : nullptr;
    if (PQputCopyEnd(raw_, reason) != 1) return false;
    ++at_;
    fill();
    return true;
  }

  // Of a source; the server has seen no row behind it.
  std::exception_ptr failure() const { return failure_; }
  bool has_cancelled() const { return has_cancelled_; }
  std::size_t sent() const { return at_; }

 private:
  void fill() {
    block_.clear();
    more_ = at_ < copies_.size() && !failure_;
    if (!more_) return;
    try {
      throw_if_interrupted();
      while (more_ && block_.size() < kBlockBytes) more_ = copies_[at_].source(block_);
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  PGconn* raw_;
  const std::vector<Connection::CopyIn>& copies_;
  std::size_t at_ = 0;
  std::string block_;
  bool more_ = true;  // behind the block
  std::exception_ptr failure_;
  bool has_cancelled_ = false;
};

}  // namespace

std::uint64_t rows_of(const PGresult* result) {
  const std::string text = PQcmdTuples(const_cast<PGresult*>(result));
  return text.empty() ? 0 : std::stoull(text);
}

std::uint64_t Connection::copy_out(std::string_view sql,
                                   const std::function<void(std::string_view)>& sink) {
  impl_->log_sql(sql);
  impl_->last_error = {};
  PGconn* raw = impl_->raw();
  const ResultHandle start(PQexec(raw, impl_->with_settings(sql).c_str()));
  if (PQresultStatus(start.get()) != PGRES_COPY_OUT) impl_->raise(PQerrorMessage(raw));
  std::string block;
  block.reserve(kBlockBytes * 2);
  std::int64_t rows = 0;  // before the block
  const auto hand_over = [&] {
    const std::string_view read = std::string_view(block).substr(0, utf8_prefix(block));
    const auto count = std::count(read.begin(), read.end(), '\n');
    rows += count;
    if (read.size() == block.size()) {
      sink(block);
      return block.clear();
    }
    const std::string_view row = read.substr(read.rfind('\n') + 1);
    throw not_utf8(fmt::format("row {}, column {} of {}", rows + 1,
                               1 + std::count(row.begin(), row.end(), '\t'), sql));
  };
  int length = 0;
  try {
    for (char* row = nullptr; (length = PQgetCopyData(raw, &row, 0)) > 0; PQfreemem(row)) {
      block.append(row, static_cast<std::size_t>(length));
      if (block.size() >= kBlockBytes) hand_over();
    }
    if (!block.empty()) hand_over();
  } catch (...) {
    cancel();
    for (char* row = nullptr; PQgetCopyData(raw, &row, 0) > 0;) PQfreemem(row);
    finish(raw);
    throw;
  }
  const ResultHandle result = finish(raw);
  if (length != -2 && PQresultStatus(result.get()) == PGRES_COMMAND_OK) {
    return rows_of(result.get());
  }
  try {
    impl_->raise(PQerrorMessage(raw));
  } catch (const Error& error) {
    if (error.sqlstate() != "22021") throw;
    throw not_utf8(fmt::format("{}: {}", error.message(), sql));
  }
}

std::uint64_t Connection::copy_in(std::string_view sql,
                                  const std::function<bool(std::string&)>& source) {
  std::uint64_t rows = 0;
  copy_in_all({}, {{std::string(sql), source, [&rows](std::uint64_t count) { rows = count; }}});
  return rows;
}

void Connection::copy_in_all(const std::vector<std::string>& before,
                             const std::vector<CopyIn>& copies) {
  std::vector<std::string> statements = before;
  for (const CopyIn& copy : copies) statements.push_back(copy.sql);
  if (statements.empty()) return;
  const std::size_t settings = impl_->lacks_settings() ? 1 : 0;
  const std::size_t first_copy = settings + before.size();
  if (settings > 0) statements.insert(statements.begin(), Impl::settings_query());
  const std::string sql = fmt::format("{}", fmt::join(statements, ";\n"));
  impl_->log_sql(sql);
  impl_->last_error = {};
  PGconn* raw = impl_->raw();
  CopySender sender(raw, copies);
  if (sender.failure()) std::rethrow_exception(sender.failure());
  if (PQsendQuery(raw, sql.c_str()) != 1) impl_->raise(PQerrorMessage(raw));
  std::size_t answered = 0;
  std::optional<ErrorFields> error;
  while (const ResultHandle result{PQgetResult(raw)}) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN) {
      if (!sender.send_next()) impl_->raise(PQerrorMessage(raw));
    } else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (answered >= first_copy) copies[answered - first_copy].finish(rows_of(result.get()));
      ++answered;
    } else {
      if (!error) error = impl_->last_error;
      error->statement = answered - settings;
    }
  }
  if (sender.has_cancelled()) std::rethrow_exception(sender.failure());
  if (!error && sender.sent() < copies.size()) {
    throw Error(ErrorCode::statement, fmt::format("not a COPY FROM STDIN: {}", sql));
  }
  if (!error && answered == statements.size()) return;
  if (error) impl_->last_error = *error;
  impl_->raise(PQerrorMessage(raw));
}

}  // namespace pgcycle::postgres
