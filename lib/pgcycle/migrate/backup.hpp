// A backup that is proven before it counts, and the way back to it.
//
// It is a directory DATABASE.TIME with the dump and a manifest, readable by its owner alone, that
// appears as a whole once the proof is done: the dump is restored on the project's own server, and
// catalogue, row counts and content hashes are those of the snapshot that it was taken in.
//
// Errors: Error{check} when the restored backup is not the same; Error{step} from the client
// programs; Error{guard}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pgcycle/catalog/content_hash.hpp"
#include "pgcycle/migrate/schema_source.hpp"

namespace pgcycle::migrate {

struct BackupReport {
  std::filesystem::path directory;
  std::uint64_t bytes = 0;
  std::size_t tables = 0;
  std::int64_t rows = 0;
  double dump_seconds = 0;
  double proof_seconds = 0;                    // about what a rollback takes
  std::vector<std::filesystem::path> removed;  // older ones, past backup.keep
};

struct BackupRequest {
  const server::Target& target;
  std::filesystem::path directory;  // of all backups
  std::size_t keep = 0;             // of this database; 0: all
  const SchemaSourceContext& context;
};

BackupReport back_up(const BackupRequest& request);

struct RollbackRequest {
  const server::Target& target;
  std::filesystem::path backups;  // directory of all backups
  std::filesystem::path backup;   // one of them; empty: the newest of this database
  // True: the database that is replaced stays under another name, and none is marked as a test
  // database.
  bool production = false;
  const SchemaSourceContext& context;
};

struct RollbackReport {
  std::filesystem::path backup;
  std::string old_database;  // where the replaced one is now; empty: it is gone
  std::size_t tables = 0;
  std::int64_t rows = 0;
  double seconds = 0;
};

// Restores the backup aside, proves it against its manifest and renames it in. The caller has
// asked for the database's name.
RollbackReport roll_back(const RollbackRequest& request);

// The newest backup of the database. Throws Error{input} when there is none.
std::filesystem::path newest_backup(const std::filesystem::path& backups,
                                    const std::string& database);

}  // namespace pgcycle::migrate
