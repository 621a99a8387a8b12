// Taking a dump of a live database with pg_dump: in one snapshot, reading only.
//
// Errors: Error{step} with pg_dump's own words; Error{config} when there is no pg_dump
// new enough.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection_info.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::dump {

struct FetchRequest {
  const postgres::ConnectionInfo& source;
  std::filesystem::path file;                   // written in custom format; there already
  std::vector<std::string> exclude_table_data;  // patterns, as pg_dump takes them
  std::vector<std::string> schemas;
  std::string application_name;
  std::string container;  // of `source`, whose pg_dump is used if this host has none
  Environment environment;
  Reporter& reporter;
  std::string snapshot = {};  // exported by another session of the source, which keeps it open
};

struct FetchReport {
  std::size_t tables = 0;  // whose data was dumped
  std::uint64_t bytes = 0;
};

FetchReport fetch_dump(const FetchRequest& request);

}  // namespace pgcycle::dump
