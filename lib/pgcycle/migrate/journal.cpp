#include "pgcycle/migrate/journal.hpp"

#include <fmt/format.h>

namespace pgcycle::migrate {

namespace {

constexpr std::string_view kTables = R"(
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
  PRIMARY KEY (version, step)
);
)";

}  // namespace

const StepRecord* JournalContents::find(const Version& version, const Step& step) const {
  const auto found = steps.find({version.name, step.name});
  return found == steps.end() ? nullptr : &found->second;
}

bool JournalContents::is_done(const Version& version, const Step& step) const {
  const StepRecord* record = find(version, step);
  return record != nullptr && record->state == "done";
}

void Journal::prepare() {
  if (!connection_.query("SELECT to_regclass('pgcycle.migration_step')").is_null(0, 0)) return;
  postgres::Transaction transaction(connection_);
  connection_.execute(kTables);
  transaction.commit();
}

JournalContents Journal::read() {
  JournalContents contents;
  if (connection_.query("SELECT to_regclass('pgcycle.migration_step')").is_null(0, 0)) {
    return contents;
  }
  const auto steps = connection_.query(
      "SELECT version, step, state, checksum, statements_done, finished_at::timestamptz(0)::text, "
      "COALESCE(duration_ms, 0), applied_by FROM pgcycle.migration_step");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    contents.steps[{steps.get(i, 0), steps.get(i, 1)}] = {
        steps.get(i, 2),
        steps.get(i, 3),
        static_cast<std::size_t>(steps.integer(i, 4)),
        steps.get(i, 5),
        std::stod(steps.get(i, 6)),
        steps.get(i, 7)};
  }
  const auto versions = connection_.query(
      "SELECT version, applied_at::timestamptz(0)::text, applied_by FROM "
      "pgcycle.migration_version");
  for (std::size_t i = 0; i < versions.size(); ++i) {
    contents.versions[versions.get(i, 0)] = {versions.get(i, 1), versions.get(i, 2)};
  }
  return contents;
}

void Journal::start_step(const Version& version, const Step& step) {
  connection_.query(
      "INSERT INTO pgcycle.migration_step (version, step, kind, checksum, state) "
      "VALUES ($1, $2, $3, $4, 'started') "
      "ON CONFLICT (version, step) DO UPDATE SET checksum = excluded.checksum",
      {version.name, step.name, std::string(name_of(step.kind)), step.checksum});
}

void Journal::note_statements(const Version& version, const Step& step, std::size_t done) {
  connection_.query(
      "UPDATE pgcycle.migration_step SET statements_done = $3::integer "
      "WHERE version = $1 AND step = $2",
      {version.name, step.name, std::to_string(done)});
}

void Journal::finish_step(const Version& version, const Step& step, double duration_ms) {
  connection_.query(
      "UPDATE pgcycle.migration_step SET state = 'done', finished_at = clock_timestamp(), "
      "duration_ms = $3::double precision WHERE version = $1 AND step = $2",
      {version.name, step.name, fmt::format("{:.3f}", duration_ms)});
}

void Journal::finish_version(const Version& version) {
  connection_.query(
      "INSERT INTO pgcycle.migration_version (version) VALUES ($1) ON CONFLICT DO NOTHING",
      {version.name});
}

}  // namespace pgcycle::migrate
