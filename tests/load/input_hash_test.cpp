#include "pgcycle/load/input_hash.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <set>
#include <thread>

#include "pgcycle/support/file.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::load {
namespace {

namespace fs = std::filesystem;
using test::TestDirectory;

class InputHasherTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(kept()); }
  void write(const std::string& name, const std::string& content) {
    directory_.write("in/" + name, content);
  }
  // Until the times of what was written tell it from what comes later.
  static void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(80)); }
  fs::path kept() const { return directory_.path() / "kept"; }
  SeedInput input() const {
    return {directory_.path() / "in", directory_.path() / "none", {}, false};
  }
  // As a process of its own does.
  InputHash hash() {
    InputHasher hasher;
    hasher.recall(input(), kept());
    InputHash out = hasher(input());
    hasher.keep(input(), kept());
    return out;
  }
  fs::path kept_file() const {
    fs::path out;
    for (const auto& entry : fs::directory_iterator(kept())) out = entry.path();
    return out;
  }

  TestDirectory directory_;
};

TEST_F(InputHasherTest, SeesAnEditInTheSameInstant) {
  InputHasher hasher;
  std::set<std::string> seen;
  for (int i = 100; i < 400; ++i) {
    write("a.json", std::to_string(i));  // as long as before, in the same file
    EXPECT_TRUE(seen.insert(hasher(input()).all).second) << i;
  }
  const std::string last = hasher(input()).all;
  EXPECT_EQ(hasher(input()).all, last);
}

TEST_F(InputHasherTest, SeesItAcrossProcessesToo) {
  std::set<std::string> seen;
  write("b.json", "b");
  for (int i = 100; i < 200; ++i) {
    write("a.json", std::to_string(i));
    EXPECT_TRUE(seen.insert(hash().all).second) << i;
  }
  wait();
  const std::string last = hash().all;
  EXPECT_EQ(hash().all, last);
  // A time that was set back.
  const fs::path file = directory_.path() / "in/a.json";
  struct stat before {};
  ASSERT_EQ(::stat(file.c_str(), &before), 0);
  write("a.json", "999");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  const std::string edited = hash().all;
  EXPECT_NE(edited, last);
  // Another file in its place, a file more, one less.
  write("new", "999");
  fs::rename(directory_.path() / "in/new", file);
  EXPECT_EQ(hash().all, edited);
  write("c.json", "c");
  EXPECT_NE(hash().all, edited);
  fs::remove(directory_.path() / "in/c.json");
  EXPECT_EQ(hash().all, edited);
}

TEST_F(InputHasherTest, ReadsNoFileThatIsAsItWas) {
  write("a.json", "a");
  write("b.json", "b");
  wait();
  const InputHash hashed = hash();
  std::string text = read_file(kept_file());
  const std::string& known = hashed.files.at(directory_.path() / "in/a.json");
  ASSERT_NE(text.find(known), std::string::npos);
  text.replace(text.find(known), known.size(), std::string(known.size(), '7'));
  std::ofstream(kept_file()) << text;
  EXPECT_EQ(hash().files.at(directory_.path() / "in/a.json"), std::string(known.size(), '7'));
}

TEST_F(InputHasherTest, ReadsAllWhereWhatWasKeptIsDamaged) {
  write("a.json", "a");
  wait();
  const std::string wanted = hash().all;
  const std::string whole = read_file(kept_file());
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 3) {
    std::ofstream(kept_file()) << whole.substr(0, bytes);
    EXPECT_EQ(hash().all, wanted) << bytes;
  }
  for (const char* text :
       {"{}", "[]", "{\"format\": 5}", "{\"format\": 5, \"files\": [{\"path\": 1}]}"}) {
    std::ofstream(kept_file()) << text;
    EXPECT_EQ(hash().all, wanted) << text;
  }
  fs::remove_all(kept());
  EXPECT_EQ(hash().all, wanted);
  EXPECT_FALSE(fs::exists(kept()));
}

}  // namespace
}  // namespace pgcycle::load
