#include "pgcycle/server/change_tracker.hpp"

#include <fmt/format.h>

#include <charconv>

#include "pgcycle/support/error.hpp"

namespace pgcycle::server {

namespace {

constexpr const char* kPlace = R"(
SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END,
       pg_snapshot_xmax(pg_current_snapshot())::text::numeric % 4294967296,
       pg_postmaster_start_time(),
       (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
)";

// After kPlace: whoever wrote before it is seen here, or has ended. Others' transactions are a
// superuser's to see.
constexpr const char* kOthersAtWork = R"(
SELECT current_setting('is_superuser') = 'on'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(NULL) a, pg_catalog.pg_database d
                       WHERE d.datname = current_database() AND a.datid = d.oid
                         AND a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid())
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts
                       WHERE database = current_database())
)";

// Statistics tell nothing of rows or definitions: 2619 and 3429 with their TOAST tables 2840 and
// 3430. The access method 2 is the heap; sequences have none.
constexpr const char* kWritten = R"(
WITH parts AS (
  SELECT o AS oid, o AS root FROM unnest($1::oid[]) o
  UNION
  SELECT t.relid, o FROM unnest($2::oid[]) o, LATERAL pg_catalog.pg_partition_tree(o::regclass) t)
SELECT COALESCE(array_agg(DISTINCT parts.root), '{}'),
       EXISTS (SELECT FROM unnest($3::oid[]) file WHERE file NOT IN (
         SELECT relfilenode FROM pg_catalog.pg_class
         WHERE relfilenode = ANY ($3::oid[])
           AND (oid >= 16384 OR oid IN (2619, 2840, 3429, 3430))))
FROM parts LEFT JOIN pg_catalog.pg_class c USING (oid)
WHERE c.oid IS NULL OR c.relfilenode = ANY ($3::oid[]) OR c.relpersistence <> 'p'
   OR c.relkind NOT IN ('r', 'p', 'S') OR c.relam NOT IN (0, 2)
   OR age(c.xmin) <= age($4::xid)
)";

// Of "FIRST:NEXT:RUNNING,RUNNING"; nothing where some are running.
std::optional<std::uint64_t> next_of_none_running(std::string_view snapshot) {
  if (!snapshot.ends_with(':')) return std::nullopt;
  snapshot.remove_suffix(1);
  const std::size_t colon = snapshot.find(':');
  std::uint64_t next = 0;
  const char* const end = snapshot.data() + snapshot.size();
  if (colon == std::string_view::npos) return std::nullopt;
  const auto [stop, error] = std::from_chars(snapshot.data() + colon + 1, end, next);
  if (error != std::errc() || stop != end) return std::nullopt;
  return next;
}

ChangeTracker::Mark mark_at(const postgres::Result& place) {
  return {place.get(0, 0),
          place.get(0, 1),
          place.get(0, 2),
          place.get(0, 3),
          place.get(0, 4),
          {},
          false};
}

std::uint64_t bytes_at(std::string_view position) {
  const std::size_t slash = position.find('/');
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  if (slash == std::string_view::npos) return 0;
  std::from_chars(position.data(), position.data() + slash, high, 16);
  std::from_chars(position.data() + slash + 1, position.data() + position.size(), low, 16);
  return (high << 32U) + low;
}

template <typename Numbers>
std::string array_of(const Numbers& numbers) {
  return fmt::format("{{{}}}", fmt::join(numbers, ","));
}

}  // namespace

ChangeTracker::Mark ChangeTracker::mark(postgres::Connection& session) {
  const auto answers = session.query_all({{kPlace, {}}, {kOthersAtWork, {}}});
  Mark out = mark_at(answers[0]);
  out.is_settled = !out.position.empty() && answers[1].boolean(0, 0);
  return out;
}

std::string ChangeTracker::writers_sql() { return "pg_current_snapshot()::text"; }

std::vector<postgres::Statement> ChangeTracker::questions_behind() {
  return {{kPlace, {}}, {"SELECT pg_current_xact_id()", {}}};
}

// Whoever writes takes a number, in the order of beginning to. None below `next` was at work
// before; the own transaction took that, and the question behind it the one that follows.
ChangeTracker::Mark ChangeTracker::mark_behind(const std::string& writers_before,
                                               const std::string& own_transaction,
                                               const std::vector<postgres::Result>& answers) {
  if (answers.size() < 2) return {};
  Mark out = mark_at(answers[0]);
  out.own_transaction = own_transaction;
  const auto next = next_of_none_running(writers_before);
  out.is_settled =
      !out.position.empty() && next && answers[1].get(0, 0) == std::to_string(*next + 1);
  return out;
}

std::optional<ChangeTracker::Changes> ChangeTracker::since(const Mark& mark, Mark& now,
                                                           std::uint64_t most_bytes,
                                                           postgres::Connection& session,
                                                           const Relations& relations) {
  if (!mark.is_settled || mark.server_start != now.server_start || mark.database != now.database) {
    return std::nullopt;
  }
  // What is not on disk may be lost, and others' records take its place.
  const std::uint64_t from = bytes_at(mark.on_disk);
  const std::uint64_t to = bytes_at(now.position);
  if (to < from || to - from > most_bytes) return std::nullopt;
  std::set<std::uint32_t> files;
  if (from < to) {
    WalReader* const log = reader();
    if (log == nullptr) return std::nullopt;
    const auto read = [&] {
      return log->changed_relations(static_cast<std::uint32_t>(std::stoul(mark.database)),
                                    mark.on_disk, now.position, mark.own_transaction,
                                    WalReader::Records::rows_and_sequences);
    };
    // Which writes to the log itself: a mark behind that is better, where it is on disk already.
    const auto flush = [&] {
      log->flush();
      Mark later = ChangeTracker::mark(session);
      now.on_disk = now.position;
      if (later.on_disk == later.position) now = std::move(later);
    };
    try {
      if (bytes_at(now.on_disk) < to) flush();
      try {
        files = read();
      } catch (const Error& error) {
        if (error.code() != ErrorCode::statement) throw;
        // The disk's end can be within a record; where that is the last one, none begins after it.
        flush();
        files = read();
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      // That part of the log is gone, or the session is.
      if (error.code() != ErrorCode::statement) close();
      return std::nullopt;
    }
  }
  const postgres::Result row =
      session.query_all({{kWritten,
                          {array_of(relations.all), array_of(relations.partitioned),
                           array_of(files), mark.next_transaction}}})[0];
  Changes out;
  for (const std::string& oid : row.array(0, 0)) {
    out.relations.insert(static_cast<std::uint32_t>(std::stoul(oid)));
  }
  out.definitions = row.boolean(0, 1);
  return out;
}

WalReader* ChangeTracker::reader() {
  if (!reader_ && !is_obstructed_) {
    try {
      maintenance_ = open_();
      reader_.emplace(*maintenance_, extension_);
      is_obstructed_ = !reader_->obstacle().empty();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      is_obstructed_ = true;
    }
    if (is_obstructed_) close();
  }
  return reader_ ? &*reader_ : nullptr;
}

void ChangeTracker::close() {
  reader_.reset();
  maintenance_.reset();
}

}  // namespace pgcycle::server
