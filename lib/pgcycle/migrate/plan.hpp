// The migrations of a project, as its folders hold them (docs/migrations.md).
//
// Besides pgcycle's own folders of versions it reads those of golang-migrate, diesel, sqlx,
// Flyway, sqitch, dbmate and goose, told by the names in them. There each file or pair of files is
// a version of one step.
//
// Errors: Error{input} with the place: two steps of one number, a file that is
// no step, a companion without its step, an unknown key or directive.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/support/error.hpp"

namespace pgcycle::migrate {

enum class StepKind { sql, rekey, map_columns, backfill, script };

std::string_view name_of(StepKind kind);

enum class Layout { versions, golang_migrate, directories, flyway, sqitch, dbmate, goose, plain };

std::string_view name_of(Layout layout);

struct Step {
  std::int64_t number = 0;
  std::string name;  // "010_add_timetable"
  StepKind kind = StepKind::sql;
  std::filesystem::path file;
  std::optional<std::filesystem::path> verify;  // NAME.verify.sql
  std::optional<std::filesystem::path> down;    // NAME.down.sql, or `file` itself
  Layout sections = Layout::versions;           // dbmate, goose: up and down are parts of `file`
  std::string checksum;                         // SHA-256 of the content, line endings normalised
  bool no_transaction = false;                  // runs statement by statement
  bool down_no_transaction = false;             // and so does its way back
  bool keeps_session = false;                   // none of its statements can change settings
  bool may_drop = false;                        // DROP or ALTER TABLE stands in it
  bool repeatable = false;                      // runs again whenever it changed
  std::vector<std::string> required_tables;     // -- pgcycle: requires table NAME
  std::vector<std::string> required_steps;      // -- pgcycle: requires NUMBER
  double timeout_seconds = 0;                   // pgcycle: timeout 10min; 0: none

  bool is_sql() const { return kind == StepKind::sql; }
};

struct Version {
  std::string name;  // "v0.3"; elsewhere "000001_create_users", of sqitch "users", "users@v1"
  std::vector<std::int64_t> number;
  std::filesystem::path directory;
  std::string description;
  std::string requires_version;
  Location requires_place;
  std::string alembic;           // revision that alembic_version is set to, if any
  std::string alembic_before;    // that of the version before
  bool one_transaction = false;  // "transaction": "version"
  std::vector<Step> steps;       // by number
  std::optional<std::filesystem::path> preflight;
  std::optional<std::filesystem::path> checks;

  bool repeatable() const { return steps.size() == 1 && steps.front().repeatable; }
};

// Every version under the directory, in order, repeatable ones last. Throws when there is none.
std::vector<Version> read_migrations(const std::filesystem::path& directory);

// The layout of a directory; `versions` where there is nothing in it yet.
Layout layout_of(const std::filesystem::path& directory);

// The version that a person means: by name, by number, or by the number in front of a name.
// Throws Error{usage} with the nearest name.
const Version& find_version(const std::vector<Version>& versions, const std::string& name);

// The step's SQL, each line on the number that it has in its file.
std::string read_up(const Step& step);
std::string read_down(const Step& step);

// One hash over all steps of these versions: whether a rehearsal was of just these files.
std::string plan_hash(const std::vector<Version>& versions);

}  // namespace pgcycle::migrate
