// Taking over the history that another migration tool left in a database.
//
// The tool's own table tells which versions are applied. Before anything is stamped, the database
// is compared with one that the files up to there make: stamps are for what is true. What the
// journal has already stays as it is.
//
// Source: the tables of alembic, Flyway, golang-migrate, goose, dbmate, sqitch, diesel, sqlx and
// Prisma, as their documentation and sources describe them.
// Errors: Error{input} when there is no such table, or it names what the files do not have;
// Error{check} when the catalogues differ, or a migration there did not end well.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/migrate/runner.hpp"
#include "pgcycle/migrate/schema_source.hpp"

namespace pgcycle::migrate {

struct AdoptionRequest {
  const MigrateRequest& migration;
  const SchemaSourceContext& sources;
  std::string to;  // the version that the database is at, where the tool's names are not ours
};

struct AdoptionReport {
  std::string tool;                   // "golang-migrate"
  std::string table;                  // "public.schema_migrations"
  std::vector<std::string> versions;  // that are stamped
};

// Under the migration's dry_run nothing is stamped.
AdoptionReport adopt(const AdoptionRequest& request);

}  // namespace pgcycle::migrate
