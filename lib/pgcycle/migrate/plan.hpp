// The migrations of a project, as its folders hold them (docs/migrations.md).
//
// Errors: Error{input} with the place: two steps of one number, a file that is
// no step, a companion without its step, an unknown key or directive.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/support/error.hpp"

namespace pgcycle::migrate {

enum class StepKind { sql, rekey, script };

std::string_view name_of(StepKind kind);

struct Step {
  int number = 0;
  std::string name;  // "010_add_timetable"
  StepKind kind = StepKind::sql;
  std::filesystem::path file;
  std::optional<std::filesystem::path> verify;  // NAME.verify.sql
  std::optional<std::filesystem::path> down;    // NAME.down.sql
  std::string checksum;                         // SHA-256 of the content, line endings normalised
  bool no_transaction = false;                  // -- pgcycle: no-transaction
  std::vector<std::string> required_tables;     // -- pgcycle: requires table NAME
  std::vector<std::string> required_steps;      // -- pgcycle: requires NUMBER
};

struct Version {
  std::string name;  // "v0.3"
  std::vector<int> number;
  std::filesystem::path directory;
  std::string description;
  std::string requires_version;
  Location requires_place;
  std::vector<Step> steps;  // by number
  std::optional<std::filesystem::path> preflight;
  std::optional<std::filesystem::path> checks;
};

// Every version under the directory, in order. Throws when there is none.
std::vector<Version> read_migrations(const std::filesystem::path& directory);

}  // namespace pgcycle::migrate
