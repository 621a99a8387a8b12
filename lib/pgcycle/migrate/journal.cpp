#include "pgcycle/migrate/journal.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

// The last column that was added.
constexpr std::string_view kNewestColumn = "taken_back";

constexpr std::string_view kTables = R"(
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS pgcycle;
CREATE TABLE IF NOT EXISTS pgcycle.migration_version (
  version text PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now(),
  applied_by text NOT NULL DEFAULT session_user
);
CREATE TABLE IF NOT EXISTS pgcycle.migration_step (
  version text NOT NULL,
  step text NOT NULL,
  kind text NOT NULL,
  checksum text NOT NULL,
  state text NOT NULL CHECK (state IN ('started', 'done')),
  statements_done integer NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  duration_ms double precision,
  applied_by text NOT NULL DEFAULT session_user,
  client text DEFAULT current_setting('application_name') || coalesce(' from ' || host(inet_client_addr()), ''),
  running integer,
  indexes_before text,
  output text,
  progress text,
  taken_back integer,
  PRIMARY KEY (version, step)
);
CREATE TABLE IF NOT EXISTS pgcycle.migration_turn (token varchar(32) NOT NULL);
INSERT INTO pgcycle.migration_turn SELECT '' WHERE NOT EXISTS (SELECT FROM pgcycle.migration_turn);
)";

// What journals of an earlier pgcycle lack.
constexpr std::string_view kLaterColumns = R"(
ALTER TABLE pgcycle.migration_step
  ADD COLUMN IF NOT EXISTS client text DEFAULT current_setting('application_name') || coalesce(' from ' || host(inet_client_addr()), ''),
  ADD COLUMN IF NOT EXISTS running integer,
  ADD COLUMN IF NOT EXISTS indexes_before text,
  ADD COLUMN IF NOT EXISTS output text,
  ADD COLUMN IF NOT EXISTS progress text,
  ADD COLUMN IF NOT EXISTS taken_back integer;
)";

// Of a step that is one transaction, with `values_of` it.
constexpr std::string_view kStepRow =
    "INSERT INTO pgcycle.migration_step (version, step, kind, checksum, state, started_at, "
    "finished_at, duration_ms) VALUES ($1, $2, $3, $4, 'done', now(), clock_timestamp(), "
    "round(1000 * extract(epoch FROM clock_timestamp() - now())::numeric, 3))";

postgres::Parameters values_of(const Version& version, const Step& step) {
  return {version.name, step.name, std::string(name_of(step.kind)), step.checksum};
}

// A database that the files alone have made has no such table.
postgres::Statement alembic_is(const std::string& revision) {
  return {
      fmt::format("DO $pgcycle$ BEGIN IF to_regclass('alembic_version') IS NOT NULL THEN UPDATE "
                  "alembic_version SET version_num = {}; END IF; END $pgcycle$",
                  postgres::quote_literal(revision)),
      {}};
}

}  // namespace

const StepRecord* JournalContents::find(const Version& version, const Step& step) const {
  const auto found = steps.find({version.name, step.name});
  return found == steps.end() ? nullptr : &found->second;
}

bool JournalContents::is_done(const Version& version, const Step& step) const {
  const StepRecord* record = find(version, step);
  return record != nullptr && record->state == "done";
}

bool JournalContents::is_current(const Version& version, const Step& step) const {
  return is_done(version, step) &&
         (!step.repeatable || find(version, step)->checksum == step.checksum);
}

void Journal::prepare() {
  // The last table that was added: a journal without it is of an earlier pgcycle.
  const auto there = connection_.query(
      "SELECT to_regclass('pgcycle.migration_turn'), to_regclass('pgcycle.migration_step')");
  if (there.is_null(0, 0)) {
    postgres::Transaction transaction(
        connection_, fmt::format("{}{}", kTables, there.is_null(0, 1) ? "" : kLaterColumns));
    transaction.commit();
  }
  is_prepared_ = true;
}

Journal::~Journal() {
  if (token_.empty()) return;
  try {
    connection_.execute(
        fmt::format("RESET SESSION AUTHORIZATION; RESET ROLE; UPDATE pgcycle.migration_turn SET "
                    "token = '' WHERE token = {}",
                    postgres::quote_literal(token_)));
  } catch (...) {  // NOLINT(bugprone-empty-catch): the next run takes the turn all the same
  }
}

void Journal::take_turn(Reporter& reporter) {
  token_ = to_hex(random_bytes(16));
  constexpr int kSilentTries = 5;
  for (int tries = 1;; ++tries) {
    const auto taken = connection_.query(
        "UPDATE pgcycle.migration_turn SET token = $1 WHERE ctid = (SELECT ctid FROM "
        "pgcycle.migration_turn LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING token",
        {token_});
    if (!taken.empty()) return;
    if (tries == kSilentTries) {
      reporter.notice("waiting for the server to end what a run that was cut off had begun");
    }
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(tries < kSilentTries ? 10 : 50));
  }
}

std::string Journal::fence() const {
  if (token_.empty()) return {};
  // The text is no number: the error shows it.
  return fmt::format(
      "SELECT (CASE token WHEN {} THEN '1' ELSE 'another run has taken the turn' END)::integer "
      "FROM pgcycle.migration_turn FOR SHARE",
      postgres::quote_literal(token_));
}

JournalContents Journal::read() {
  JournalContents contents;
  bool has_newest = is_prepared_;
  if (!is_prepared_) {
    const auto columns = connection_.query(
        "SELECT attname = $1 FROM pg_catalog.pg_attribute WHERE attrelid = "
        "to_regclass('pgcycle.migration_step') AND attnum > 0 ORDER BY 1 DESC LIMIT 1",
        {std::string(kNewestColumn)});
    if (columns.empty()) return contents;
    has_newest = columns.boolean(0, 0);  // the journal of an earlier pgcycle lacks them
  }
  const std::vector<postgres::Result> results = connection_.query_all({
      {fmt::format(
           "SELECT version, step, state, checksum, statements_done, "
           "finished_at::timestamptz(0)::text, COALESCE(duration_ms, 0), applied_by, {} FROM "
           "pgcycle.migration_step",
           has_newest ? "running, indexes_before, progress, taken_back"
                      : "NULL::int, NULL::text, NULL::text, NULL::int"),
       {}},
      {"SELECT version, applied_at::timestamptz(0)::text, applied_by FROM "
       "pgcycle.migration_version",
       {}},
  });
  const postgres::Result& steps = results[0];
  for (std::size_t i = 0; i < steps.size(); ++i) {
    StepRecord& record = contents.steps[{steps.get(i, 0), steps.get(i, 1)}];
    record.state = steps.get(i, 2);
    record.checksum = steps.get(i, 3);
    record.statements_done = static_cast<std::size_t>(steps.integer(i, 4));
    record.finished_at = steps.get(i, 5);
    record.duration_ms = std::stod(steps.get(i, 6));
    record.applied_by = steps.get(i, 7);
    if (!steps.is_null(i, 8)) record.running = static_cast<std::size_t>(steps.integer(i, 8));
    record.before = steps.get(i, 9);
    record.progress = steps.get(i, 10);
    if (!steps.is_null(i, 11)) {
      record.taken_back = static_cast<std::size_t>(steps.integer(i, 11));
    }
  }
  const postgres::Result& versions = results[1];
  for (std::size_t i = 0; i < versions.size(); ++i) {
    contents.versions[versions.get(i, 0)] = {versions.get(i, 1), versions.get(i, 2)};
  }
  return contents;
}

postgres::Statement Journal::started(const Version& version, const Step& step) {
  return {
      "INSERT INTO pgcycle.migration_step AS s (version, step, kind, checksum, state) "
      "VALUES ($1, $2, $3, $4, 'started') "
      "ON CONFLICT (version, step) DO UPDATE SET checksum = excluded.checksum, state = 'started', "
      "started_at = clock_timestamp(), "
      "statements_done = CASE WHEN s.state = 'done' THEN 0 ELSE s.statements_done END, "
      "progress = CASE WHEN s.state = 'done' THEN NULL ELSE s.progress END",
      {version.name, step.name, std::string(name_of(step.kind)), step.checksum}};
}

postgres::Statement Journal::applied(const Version& version, const Step& step,
                                     bool completes_version) {
  return {fmt::format("{}{} ON CONFLICT (version, step) DO UPDATE SET checksum = "
                      "excluded.checksum, state = 'done', started_at = excluded.started_at, "
                      "finished_at = excluded.finished_at, duration_ms = excluded.duration_ms, "
                      "running = NULL, indexes_before = NULL, progress = NULL, statements_done = 0",
                      completes_version ? "WITH v AS (INSERT INTO pgcycle.migration_version "
                                          "(version) VALUES ($1) ON CONFLICT DO NOTHING) "
                                        : "",
                      kStepRow),
          values_of(version, step)};
}

postgres::Statement Journal::applied_at_first(const Version& version, const Step& step) {
  return {fmt::format("WITH v AS (INSERT INTO pgcycle.migration_version (version) VALUES ($1)) {}",
                      kStepRow),
          values_of(version, step)};
}

postgres::Statement Journal::statements_done(const Version& version, const Step& step,
                                             std::size_t done, const std::string& hash) {
  return {
      "UPDATE pgcycle.migration_step SET statements_done = $3::integer, progress = $4, "
      "running = NULL, indexes_before = NULL WHERE version = $1 AND step = $2",
      {version.name, step.name, std::to_string(done), hash}};
}

postgres::Statement Journal::done(const Version& version, const Step& step,
                                  const std::string& output) {
  return {
      "UPDATE pgcycle.migration_step SET state = 'done', finished_at = clock_timestamp(), "
      "duration_ms = round(1000 * extract(epoch FROM clock_timestamp() - started_at)::numeric, 3), "
      "output = nullif($3, ''), running = NULL, indexes_before = NULL "
      "WHERE version = $1 AND step = $2",
      {version.name, step.name, output}};
}

std::vector<postgres::Statement> Journal::version_done(const Version& version) {
  std::vector<postgres::Statement> out{
      {"INSERT INTO pgcycle.migration_version (version) VALUES ($1) ON CONFLICT DO NOTHING",
       {version.name}}};
  if (!version.alembic.empty()) out.push_back(alembic_is(version.alembic));
  return out;
}

std::vector<postgres::Statement> Journal::taken_back(const Version& version, const Step& step) {
  std::vector<postgres::Statement> out{
      {"DELETE FROM pgcycle.migration_step WHERE version = $1 AND step = $2",
       {version.name, step.name}},
      {"DELETE FROM pgcycle.migration_version WHERE version = $1", {version.name}}};
  if (!version.alembic.empty() && !version.alembic_before.empty()) {
    out.push_back(alembic_is(version.alembic_before));
  }
  return out;
}

postgres::Statement Journal::checksum_is(const Version& version, const Step& step) {
  return {"UPDATE pgcycle.migration_step SET checksum = $3 WHERE version = $1 AND step = $2",
          {version.name, step.name, step.checksum}};
}

postgres::Statement Journal::being_taken_back(const Version& version, const Step& step,
                                              std::size_t done, const std::string& hash) {
  return {
      "UPDATE pgcycle.migration_step SET taken_back = $3::integer, progress = $4, "
      "running = NULL, indexes_before = NULL WHERE version = $1 AND step = $2",
      {version.name, step.name, std::to_string(done), hash}};
}

postgres::Statement Journal::running(const Version& version, const Step& step,
                                     std::size_t statement, const std::string& before) {
  return {
      "UPDATE pgcycle.migration_step SET running = $3::integer, indexes_before = $4 "
      "WHERE version = $1 AND step = $2",
      {version.name, step.name, std::to_string(statement), before}};
}

void Journal::note_progress(const Version& version, const Step& step, const std::string& progress) {
  run({"UPDATE pgcycle.migration_step SET progress = $3 WHERE version = $1 AND step = $2",
       {version.name, step.name, progress}});
}

void Journal::run(const postgres::Statement& statement) {
  connection_.query(statement.sql, statement.parameters);
}

}  // namespace pgcycle::migrate
