// A real PostgreSQL for unit tests: one embedded server a test process, started
// on first use, gone with the process.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::test {

Environment process_environment();

// The server's database "postgres".
const postgres::ConnectionInfo& server_info();

// A database of its own that goes with the object.
class TestDatabase {
 public:
  TestDatabase();
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  postgres::ConnectionInfo info() const { return server_info().with_database(name_); }
  // As the programs see it: on the managed server.
  server::Target target() const;
  // A session with pgcycle's own settings; names must be qualified.
  postgres::Connection connect() const;
  // Runs statements in a plain session, as a user's psql would.
  void run(const std::string& sql) const;
  // The one value of a query.
  std::string value(const std::string& sql) const;
  catalog::Schema schema() const;

 private:
  std::string name_;
};

// A directory that goes with the object.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

// Keeps every message, for tests that read them.
class RecordingReporter final : public Reporter {
 public:
  void message(Level, std::string_view text) override { text_.append(text).append("\n"); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Reporter& silent();

// Random numbers whose seed is printed, and taken from PGCYCLE_TEST_SEED.
unsigned test_seed();

// Runs `action` and returns the Error that it must throw.
template <class Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::internal, "no error was thrown");
}

}  // namespace pgcycle::test
