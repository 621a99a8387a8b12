#include "pgcycle/support/process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

ProcessSpec shell(const std::string& script) { return {{"/bin/sh", "-c", script}, {}, {}, {}}; }

TEST(RunProcess, GivesOutputErrorsAndStatus) {
  const ProcessResult result = run_process(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(result.exit_status, 7);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_FALSE(result.ok());
}

TEST(RunProcess, TellsOfASignal) { EXPECT_EQ(run_process(shell("kill -9 $$")).exit_status, 137); }

TEST(RunProcess, MovesMoreInputAndOutputThanPipesHold) {
  const std::string input(3'000'000, 'x');
  const ProcessResult result = run_process(shell("cat; cat /dev/null"), input);
  EXPECT_EQ(result.output, input);
  // A child that does not read its input is no error.
  EXPECT_TRUE(run_process(shell("exit 0"), input).ok());
}

TEST(RunProcess, AddsToTheEnvironment) {
  ProcessSpec spec = shell("echo $ONE; pwd");
  spec.environment["ONE"] = "1";
  spec.working_directory = "/";
  EXPECT_EQ(run_process(spec).output, "1\n/\n");
}

TEST(RunProcess, EndsWhatTakesTooLong) {
  const Error error = test::error_of([] { run_process(shell("sleep 60"), {}, {}, {}, 0.2); });
  EXPECT_EQ(error.code(), ErrorCode::step);
}

TEST(RunProcess, SaysWhatCannotBeStarted) {
  const Error error = test::error_of([] { run_process({{"/no/such/program"}, {}, {}, {}}); });
  EXPECT_NE(error.message().find("/no/such/program"), std::string::npos);
}

TEST(RunInBackground, OutlivesTheCallerWithNothingOfIts) {
  const test::TestDirectory directory;
  const std::filesystem::path file = directory.path() / "done";
  // The child of `sh` is this very test, as a program that ends at once.
  const pid_t program = fork();
  if (program == 0) {
    const bool made = run_in_background([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      const ssize_t descriptors =
          std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
      std::ofstream(file.string() + ".new") << getsid(0) - getpid() << ' ' << descriptors;
      std::filesystem::rename(file.string() + ".new", file);
      throw std::runtime_error("for nobody");
    });
    _exit(made ? 0 : 1);
  }
  int status = 0;
  waitpid(program, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::filesystem::exists(file));
  for (int i = 0; i < 100 && !std::filesystem::exists(file); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::string said;
  std::getline(std::ifstream(file), said);
  EXPECT_EQ(said, "0 4");  // its own session; three streams and the listing itself
}

TEST(FindProgram, LooksAlongThePath) {
  EXPECT_TRUE(find_program("sh", "/nowhere:/bin").has_value());
  EXPECT_FALSE(find_program("sh", "/nowhere").has_value());
}

}  // namespace
}  // namespace pgcycle
