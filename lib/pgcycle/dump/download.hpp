// A fresh dump from production in place of the last one.
//
// It is written aside with mode 0600, read back whole, and only then takes the name; the
// earlier dumps are kept beside it by time. Whenever that ends early, the earlier dump
// is there as it was; the next download removes what was written aside.
//
// Errors: Error{config} when no production.url is set; Error{step} when pg_dump or the
// verification fails; Error{connect}.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pgcycle/config/config.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::dump {

struct DownloadRequest {
  const Config& config;
  std::filesystem::path file;
  std::vector<std::string> exclude_table_data;  // patterns, as pg_dump takes them
  std::vector<std::string> schemas;
  std::string application_name;
  Environment environment;
  Reporter& reporter;
};

struct DownloadReport {
  std::size_t tables = 0;
  std::uint64_t bytes = 0;
  std::filesystem::path earlier;  // where the last dump is now; empty: there was none
};

DownloadReport download_recent(const DownloadRequest& request);

}  // namespace pgcycle::dump
