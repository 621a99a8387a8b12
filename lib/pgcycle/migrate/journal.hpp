// What has been applied to a database: schema `pgcycle` in the database itself.
//
// A SQL or rekey step and its row commit together. A script's row says "started"
// before it runs and "done" after, so that one that was cut off runs again. A step that runs
// statement by statement keeps how many are done and, before each that no transaction can
// hold, what it needs to tell whether that one was done when it is cut off.
//
// A server goes on with what a killed runner had sent it. So each transaction of a run holds the
// row of pgcycle.migration_turn, which bears the run's token: the next run takes that row first,
// for which it waits, and what is left of the earlier one then fails at its first statement.
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
  std::optional<std::size_t> running;  // the statement that was begun outside a transaction
  std::string before;                  // the indexes that were there before it: {oid,…}
  std::string finished_at;
  double duration_ms = 0;
  std::string applied_by;
  // Of a backfill: the last key that is done. Of statements: the hash of those that are.
  std::string progress;
  std::optional<std::size_t> taken_back;  // statements of its way back that are done
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
  // Done, and for a repeatable step as it is now.
  bool is_current(const Version& version, const Step& step) const;
};

class Journal {
 public:
  explicit Journal(postgres::Connection& connection) : connection_(connection) {}
  // Gives the turn back.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Makes the tables when they are missing, and brings those of an earlier pgcycle up to date.
  void prepare();
  // Takes the row of the turn, when no transaction of an earlier run holds it any more.
  void take_turn(Reporter& reporter);
  // To begin each transaction with: fails in one of a run that has lost the turn.
  std::string fence() const;
  // Empty when there is no journal yet; writes nothing.
  JournalContents read();

  // Statements to be run with those of the step.
  // For a step that is one transaction: its row, and that of the version that it completes.
  static postgres::Statement applied(const Version& version, const Step& step,
                                     bool completes_version);
  // The same, where the journal knows neither of them: planned faster.
  static postgres::Statement applied_at_first(const Version& version, const Step& step);
  static postgres::Statement started(const Version& version, const Step& step);
  static postgres::Statement statements_done(const Version& version, const Step& step,
                                             std::size_t done, const std::string& hash);
  static postgres::Statement done(const Version& version, const Step& step,
                                  const std::string& output = {});
  // The version's row and, where its file names a revision of alembic, alembic's own.
  static std::vector<postgres::Statement> version_done(const Version& version);
  // The step was taken back, and with it its version.
  static std::vector<postgres::Statement> taken_back(const Version& version, const Step& step);
  // Some statements of its way back are done.
  static postgres::Statement being_taken_back(const Version& version, const Step& step,
                                              std::size_t done, const std::string& hash);
  // Before a statement that no transaction can hold.
  static postgres::Statement running(const Version& version, const Step& step,
                                     std::size_t statement, const std::string& before);
  static postgres::Statement checksum_is(const Version& version, const Step& step);

  void note_progress(const Version& version, const Step& step, const std::string& progress);
  void run(const postgres::Statement& statement);

 private:
  postgres::Connection& connection_;
  std::string token_;  // of the turn, once it is taken
  bool is_prepared_ = false;
};

}  // namespace pgcycle::migrate
