// Migrations of a directory of its own in a database of its own.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <string>

#include "pgcycle/migrate/runner.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::migrate {

class RunnerTest : public testing::Test {
 protected:
  MigrateReport up(const std::string& to = {}, bool sql_only = false) {
    const server::Target target = database_.target();
    const Config config = Config::empty(directory_.path(), test::process_environment());
    return migrate::up(
        {target, config, migrations_, to, sql_only, false, test::process_environment(), reporter_});
  }
  MigrateReport down(std::optional<std::size_t> steps = {}, const std::string& to = {}) {
    const server::Target target = database_.target();
    const Config config = Config::empty(directory_.path(), test::process_environment());
    MigrateRequest request{
        target, config, migrations_, to, false, false, test::process_environment(), reporter_};
    request.steps = steps;
    return migrate::down(request);
  }
  // Begins up beside, and returns when the server has it wait for a lock.
  std::future<std::size_t> up_that_waits() {
    auto run = std::async(std::launch::async, [this] { return up().steps_run; });
    while (database_.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = "
                           "'relation'") == "0") {
      if (run.wait_for(std::chrono::milliseconds(10)) == std::future_status::ready) {
        ADD_FAILURE() << "up has not waited";
        break;
      }
    }
    return run;
  }
  void script(const std::string& name, const std::string& content) {
    const auto file = directory_.write(name, "#!/bin/sh\n" + content);
    std::filesystem::permissions(file, std::filesystem::perms(0755));
  }

  test::TestDatabase database_;
  test::TestDirectory directory_;
  std::filesystem::path migrations_ = directory_.path();
  test::RecordingReporter reporter_;
};

}  // namespace pgcycle::migrate
