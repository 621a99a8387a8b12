// The shape that others rely on, frozen in schema.lock.json (docs/migrations.md).
//
// Kept promises: columns of tables, views and composite types stay by name, type and order, and new
// ones come behind them; a column or domain may become NOT NULL, never nullable; functions keep
// signature and result, domains their type, enums their values; probe queries give the same rows.
//
// Errors: Error{input} for a lock file that cannot be read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pgcycle/migrate/schema_source.hpp"

namespace pgcycle::migrate {

struct FreezeRequest {
  postgres::Connection& connection;
  std::filesystem::path file;
  std::vector<std::string> objects;  // patterns, as schema.name with *; empty: all
  std::vector<std::string> probes;   // queries
};

// Writes the file as a whole; returns the number of objects.
std::size_t freeze(const FreezeRequest& request);

struct BrokenPromise {
  std::string object;
  std::string what;  // "column note is gone"
};

// What the database does not keep of what the file says.
std::vector<BrokenPromise> check_freeze(const FreezeRequest& request);

}  // namespace pgcycle::migrate
