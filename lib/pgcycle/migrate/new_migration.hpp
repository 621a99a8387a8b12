// Empty files for a new migration, in the form that the folder has.
//
// Errors: Error{usage} for a name that no file can have; Error{input} where a file is there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pgcycle::migrate {

struct NewMigrationRequest {
  std::filesystem::path directory;
  std::string name;     // "add timetable"
  std::string version;  // folder of versions: which; empty: the last one
};

// Makes them and returns their paths.
std::vector<std::filesystem::path> new_migration(const NewMigrationRequest& request);

}  // namespace pgcycle::migrate
