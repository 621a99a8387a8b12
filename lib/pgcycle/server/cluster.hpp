// Making a data directory: initdb once a version, then copies of it.
//
// The cache holds one data directory per server version and settings; it is
// published by a rename, so any number of runs may fill and read it at once.
#pragma once

#include "pgcycle/config/config.hpp"
#include "pgcycle/server/layout.hpp"
#include "pgcycle/server/programs.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

// Makes `layout.data()` when it is missing. The caller holds the start lock.
// Throws Error{step} with initdb's words when it fails, Error{config} when the
// data directory belongs to another major version than `programs`.
void ensure_data_directory(const Layout& layout, const ProgramDirectory& programs,
                           const Environment& environment, Reporter& reporter);

}  // namespace pgcycle::server
