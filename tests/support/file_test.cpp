#include "pgcycle/support/file.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <iterator>
#include <thread>
#include <vector>

#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

namespace fs = std::filesystem;
using test::TestDirectory;

std::size_t entries(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST(WriteFileAtomically, ReplacesAndLeavesNothingAside) {
  const TestDirectory directory;
  const fs::path file = directory.path() / "f";
  write_file_atomically(file, "one", 0600);
  write_file_atomically(file, "two", 0600);
  EXPECT_EQ(read_file(file), "two");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(UnnamedFile, IsReadByItsPathAndShowsInNoDirectory) {
  const TestDirectory directory;
  const UnnamedFile file(directory.path());
  FileWriter writer(file.descriptor(), "a file");
  writer.write("content");
  writer.close(false);
  EXPECT_EQ(read_file(file.path()), "content");
  EXPECT_EQ(entries(directory.path()), 0U);
}

TEST(WriteFileAtomically, ConcurrentWritersTakeTurns) {
  const TestDirectory directory;
  const fs::path file = directory.path() / "f";
  std::vector<std::thread> writers;
  for (char name = 'a'; name < 'i'; ++name) {
    writers.emplace_back([&file, name] {
      for (int i = 0; i < 20; ++i) write_file_atomically(file, std::string(10000, name));
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::string content = read_file(file);
  EXPECT_EQ(content, std::string(10000, content.at(0)));
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(WriteFileAtomically, NamesThePathWhenItCannot) {
  const TestDirectory directory;
  const Error error =
      test::error_of([&] { write_file_atomically(directory.path() / "no" / "f", "x"); });
  EXPECT_NE(error.message().find("no/f"), std::string::npos);
}

TEST(AtomicDirectory, ChangesAsAWholeAndOnlyWhenPublished) {
  const TestDirectory directory;
  const fs::path target = directory.path() / "set";
  {
    AtomicDirectory first(target);
    write_file_atomically(first.staging() / "a", "1");
    EXPECT_FALSE(fs::exists(target));
    first.publish();
  }
  EXPECT_EQ(read_file(target / "a"), "1");
  {
    const AtomicDirectory abandoned(target);
    write_file_atomically(abandoned.staging() / "a", "2");
  }
  EXPECT_EQ(read_file(target / "a"), "1");
  {
    AtomicDirectory second(target);
    write_file_atomically(second.staging() / "b", "3");
    second.publish();
  }
  EXPECT_FALSE(fs::exists(target / "a"));
  EXPECT_EQ(read_file(target / "b"), "3");
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(AtomicDirectory, RemovesWhatAKilledRunLeft) {
  const TestDirectory directory;
  const fs::path target = directory.path() / "set";
  fs::path left;
  {
    const AtomicDirectory killed(target);
    left = killed.staging();
  }
  fs::create_directories(left / "sub");
  write_file_atomically(left / "sub" / "half", "x");
  AtomicDirectory next(target);
  EXPECT_FALSE(fs::exists(next.staging() / "sub"));
  next.publish();
  EXPECT_EQ(entries(directory.path()), 1U);
}

TEST(WriteCacheFile, KeepsTheNewestOfItsKind) {
  const TestDirectory directory;
  for (const char* name : {"a1", "a2", "a3", "b1"}) {
    const fs::path file = directory.write(name, "x");
    const int age = name[1] - '0';
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(age));
  }
  const auto write = [&directory](const char* name) {
    write_cache_file(directory.path() / name, "y", 2,
                     [](std::string_view other) { return other[0] == 'a'; });
  };
  const auto is_there = [&directory](const char* name) {
    return fs::exists(directory.path() / name);
  };
  write("a3");  // nothing new
  EXPECT_TRUE(is_there("a1") && is_there("a2"));
  write("a4");
  EXPECT_TRUE(is_there("a3") && is_there("a4") && is_there("b1"));
  EXPECT_FALSE(is_there("a1") || is_there("a2"));
  EXPECT_EQ(read_file(directory.path() / "a3"), "y");
}

TEST(FileLock, IsHeldByOneAtATime) {
  const TestDirectory directory;
  const fs::path file = directory.path() / "lock";
  FileLock first = FileLock::wait(file);
  EXPECT_TRUE(first.held());
  EXPECT_FALSE(FileLock::try_once(file).held());
  first.release();
  EXPECT_TRUE(FileLock::try_once(file).held());
}

}  // namespace
}  // namespace pgcycle
