// What has been applied to a database: schema `pgcycle` in the database itself.
//
// A SQL or rekey step and its row commit together. A script's row says "started"
// before it runs and "done" after, so that one that was cut off runs again.
//
// Thread rule: one thread, that of the connection.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgcycle/migrate/plan.hpp"
#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::migrate {

struct StepRecord {
  std::string state;  // "started" or "done"
  std::string checksum;
  std::size_t statements_done = 0;
  std::string finished_at;
  double duration_ms = 0;
  std::string applied_by;
};

struct VersionRecord {
  std::string applied_at;
  std::string applied_by;
};

// All rows, by version and step.
struct JournalContents {
  std::map<std::pair<std::string, std::string>, StepRecord> steps;
  std::map<std::string, VersionRecord> versions;

  const StepRecord* find(const Version& version, const Step& step) const;
  bool is_done(const Version& version, const Step& step) const;
};

class Journal {
 public:
  explicit Journal(postgres::Connection& connection) : connection_(connection) {}

  // Makes the tables when they are missing.
  void prepare();
  // Empty when there is no journal yet; writes nothing.
  JournalContents read();

  void start_step(const Version& version, const Step& step);
  void note_statements(const Version& version, const Step& step, std::size_t done);
  void finish_step(const Version& version, const Step& step, double duration_ms);
  void finish_version(const Version& version);

 private:
  postgres::Connection& connection_;
};

}  // namespace pgcycle::migrate
