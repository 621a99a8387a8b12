// COPY over libpq, in blocks, on the session that libpqxx uses.
#include <fmt/format.h>

#include "pgcycle/postgres/connection_impl.hpp"

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
  const ResultHandle start(PQexec(raw, std::string(sql).c_str()));
  if (PQresultStatus(start.get()) != PGRES_COPY_OUT) impl_->raise(PQerrorMessage(raw));
  std::string block;
  block.reserve(kBlockBytes * 2);
  int length = 0;
  try {
    for (char* row = nullptr; (length = PQgetCopyData(raw, &row, 0)) > 0; PQfreemem(row)) {
      block.append(row, static_cast<std::size_t>(length));
      if (block.size() < kBlockBytes) continue;
      sink(block);
      block.clear();
    }
    if (!block.empty()) sink(block);
  } catch (...) {
    cancel();
    for (char* row = nullptr; PQgetCopyData(raw, &row, 0) > 0;) PQfreemem(row);
    finish(raw);
    throw;
  }
  const ResultHandle result = finish(raw);
  if (length == -2 || PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
    impl_->raise(PQerrorMessage(raw));
  }
  return rows_of(result.get());
}

std::uint64_t Connection::copy_in(std::string_view sql,
                                  const std::function<bool(std::string&)>& source) {
  impl_->log_sql(sql);
  impl_->last_error = {};
  PGconn* raw = impl_->raw();
  const ResultHandle start(PQexec(raw, std::string(sql).c_str()));
  if (PQresultStatus(start.get()) != PGRES_COPY_IN) impl_->raise(PQerrorMessage(raw));
  std::string block;
  block.reserve(kBlockBytes * 2);
  try {
    bool more = true;
    while (more) {
      block.clear();
      while (more && block.size() < kBlockBytes) more = source(block);
      throw_if_interrupted();
      if (!block.empty() && PQputCopyData(raw, block.data(), static_cast<int>(block.size())) != 1) {
        break;
      }
    }
  } catch (...) {
    PQputCopyEnd(raw, "the source of the rows failed");
    finish(raw);
    throw;
  }
  PQputCopyEnd(raw, nullptr);
  const ResultHandle result = finish(raw);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) impl_->raise(PQerrorMessage(raw));
  return rows_of(result.get());
}

}  // namespace pgcycle::postgres
