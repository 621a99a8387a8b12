// Migrations of a directory of its own in a database of its own.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
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
    return migrate::up({target, config, directory_.path(), to, sql_only, false,
                        test::process_environment(), reporter_});
  }
  MigrateReport down(std::optional<std::size_t> steps = {}, const std::string& to = {}) {
    const server::Target target = database_.target();
    const Config config = Config::empty(directory_.path(), test::process_environment());
    MigrateRequest request{target, config, directory_.path(),           to,
                           false,  false,  test::process_environment(), reporter_};
    request.steps = steps;
    return migrate::down(request);
  }
  void script(const std::string& name, const std::string& content) {
    const auto file = directory_.write(name, "#!/bin/sh\n" + content);
    std::filesystem::permissions(file, std::filesystem::perms(0755));
  }

  test::TestDatabase database_;
  test::TestDirectory directory_;
  test::RecordingReporter reporter_;
};

}  // namespace pgcycle::migrate
