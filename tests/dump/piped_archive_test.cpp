// Archives whose rows come through pipes, beside pg_restore reading the dump itself.
#include "pgcycle/dump/piped_archive.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "pgcycle/support/file.hpp"
#include "pgcycle/support/process.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::dump {
namespace {

namespace fs = std::filesystem;
using test::TestDatabase;
using test::TestDirectory;

ProcessResult run_client(const std::string& program, const postgres::ConnectionInfo& database,
                         std::vector<std::string> arguments) {
  ProcessSpec spec;
  spec.command = {find_program(program, std::getenv("PATH")).value(),
                  "--dbname=" + database.conninfo()};
  spec.command.insert(spec.command.end(), arguments.begin(), arguments.end());
  return run_process(spec);
}

fs::path make_dump(const TestDatabase& database, const TestDirectory& directory,
                   const std::string& form, const std::string& option = "--compress=6") {
  const fs::path path = directory.path() / form;
  const ProcessResult result = run_client("pg_dump", database.info(),
                                          {"--format=" + form, option, "--file=" + path.string()});
  EXPECT_TRUE(result.ok()) << result.errors;
  return path;
}

// A database as SQL, but for the random word in pg_dump's \restrict.
std::string as_sql(const TestDatabase& database) {
  std::string sql = run_client("pg_dump", database.info(), {}).output;
  for (const char* command : {"\\restrict ", "\\unrestrict "}) {
    const std::size_t at = sql.find(command);
    if (at != std::string::npos) sql.erase(at, sql.find('\n', at) - at);
  }
  return sql;
}

// The directories of pipes that are there are those that `environment` puts here.
Environment pipes_in(const TestDirectory& directory) {
  return [path = directory.path().string()](const std::string& name) -> std::optional<std::string> {
    if (name == "TMPDIR") return path;
    return test::process_environment()(name);
  };
}

std::unique_ptr<PipedArchive> open_piped(const fs::path& dump, const TestDirectory& place) {
  return PipedArchive::open(inspect_dump(dump), pipes_in(place), 0);
}

void fill(const TestDatabase& database, std::mt19937& random) {
  database.run(
      "CREATE SCHEMA \"Öd \"\"x\"\"\"; CREATE TABLE parent (id serial PRIMARY KEY, name text);"
      "CREATE TABLE empty (id int); CREATE TYPE mood AS ENUM ('glad', 'sad');"
      "CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at);"
      "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');"
      "CREATE TABLE parted_2 PARTITION OF parted DEFAULT;"
      "COMMENT ON TABLE parent IS 'a comment'");
  for (int i = 0; i < 8; ++i) {
    database.run(fmt::format(
        "CREATE TABLE \"Öd \"\"x\"\"\".\"t {0}\" (id int PRIMARY KEY, parent int REFERENCES parent,"
        " word text, raw bytea, mood mood, double int GENERATED ALWAYS AS (id * 2) STORED);"
        "CREATE INDEX ON \"Öd \"\"x\"\"\".\"t {0}\" (word)",
        i));
  }
  database.run(
      "INSERT INTO parent (name) SELECT E'tab\\t line\\n back\\\\ ' || i FROM generate_series(1, "
      "50) i;"
      "INSERT INTO parted SELECT i, date '2026-01-01' + i FROM generate_series(1, 400) i");
  for (int i = 0; i < 8; ++i) {
    const auto rows = random() % 3 == 0 ? 0 : 1 + random() % 4000;
    database.run(
        fmt::format("INSERT INTO \"Öd \"\"x\"\"\".\"t {}\" SELECT i, 1 + i % 50, md5(i::text), "
                    "decode(md5(i::text), 'hex'), CASE WHEN i % 2 = 0 THEN 'sad'::mood END "
                    "FROM generate_series(1, {}) i",
                    i, rows));
  }
}

TEST(PipedArchive, RestoresWhatPgRestoreWould) {
  std::mt19937 random(test::test_seed());
  const TestDatabase source;
  fill(source, random);
  const std::string wanted = as_sql(source);
  const TestDirectory directory;
  const TestDirectory place;
  for (const std::string form : {"custom", "directory"}) {
    const fs::path dump = make_dump(source, directory, form);
    for (const int jobs : {1, 3}) {
      const TestDatabase target;
      auto piped = open_piped(dump, place);
      ASSERT_NE(piped, nullptr) << form;
      const ProcessResult result = run_client(
          "pg_restore", target.info(),
          {fmt::format("--jobs={}", jobs), "--exit-on-error", piped->dump().path.string()});
      EXPECT_TRUE(result.ok()) << result.errors;
      piped->finish();
      EXPECT_TRUE(as_sql(target) == wanted) << form << ", " << jobs << " jobs";
      piped.reset();
      EXPECT_TRUE(fs::is_empty(place.path()));
    }
  }
}

TEST(PipedArchive, LargeObjectsOfADirectoryAreReadAsTheyAre) {
  const TestDatabase source;
  source.run(
      "CREATE TABLE t (o oid); INSERT INTO t SELECT lo_from_bytea(0, 'large') "
      "FROM generate_series(1, 3)");
  const TestDirectory directory;
  const TestDirectory place;
  EXPECT_EQ(open_piped(make_dump(source, directory, "custom"), place), nullptr);
  auto piped = open_piped(make_dump(source, directory, "directory"), place);
  ASSERT_NE(piped, nullptr);
  const TestDatabase target;
  EXPECT_TRUE(run_client("pg_restore", target.info(), {piped->dump().path.string()}).ok());
  piped->finish();
  EXPECT_EQ(target.value("SELECT count(*) FROM t WHERE lo_get(o) = 'large'"), "3");
}

TEST(PipedArchive, LeavesToPgRestoreWhatHasNoRowsUnderGzip) {
  const TestDatabase source;
  source.run("CREATE TABLE t AS SELECT md5(i::text) FROM generate_series(1, 1000) i");
  const TestDirectory directory;
  const TestDirectory place;
  EXPECT_EQ(open_piped(make_dump(source, directory, "custom", "--compress=0"), place), nullptr);
  EXPECT_EQ(open_piped(make_dump(source, directory, "directory", "--compress=0"), place), nullptr);
  EXPECT_EQ(open_piped(make_dump(source, directory, "tar", "--no-comments"), place), nullptr);
  // Little of them.
  fs::remove(directory.path() / "custom");
  const fs::path little = make_dump(source, directory, "custom");
  EXPECT_EQ(PipedArchive::open(inspect_dump(little), pipes_in(place)), nullptr);
  // A pipe cannot be sought in: pg_dump does not write down then where rows are.
  ProcessSpec spec;
  spec.command = {find_program("pg_dump", std::getenv("PATH")).value(), "--format=custom",
                  "--dbname=" + source.info().conninfo()};
  const fs::path streamed = directory.write("streamed", run_process(spec).output);
  EXPECT_EQ(open_piped(streamed, place), nullptr);
  EXPECT_TRUE(fs::is_empty(place.path()));
}

TEST(PipedArchive, SaysWhichDumpIsDamaged) {
  const TestDatabase source;
  source.run("CREATE TABLE t AS SELECT md5(i::text) FROM generate_series(1, 5000) i");
  const TestDirectory directory;
  const TestDirectory place;
  for (const std::string form : {"custom", "directory"}) {
    const fs::path dump = make_dump(source, directory, form);
    fs::path rows = dump;
    if (form == "directory") {
      for (const auto& each : fs::directory_iterator(dump)) {
        if (each.path().extension() == ".gz") rows = each.path();
      }
    }
    std::string bytes = read_file(rows);
    const auto size = bytes.size();
    bytes[size - 20000] ^= 4;
    for (const std::string& damaged : {bytes, bytes.substr(0, size - 30000)}) {
      write_file_atomically(rows, damaged);
      auto piped = open_piped(dump, place);
      ASSERT_NE(piped, nullptr);
      const TestDatabase target;
      run_client("pg_restore", target.info(), {piped->dump().path.string()});
      const Error error = test::error_of([&] { piped->finish(); });
      EXPECT_EQ(error.code(), ErrorCode::step);
      EXPECT_NE(error.message().find("cannot restore " + dump.string()), std::string::npos);
    }
  }
}

TEST(PipedArchive, EndsWhoeverReadsAndWhoeverDoesNot) {
  const TestDatabase source;
  source.run(
      "CREATE TABLE a AS SELECT md5(i::text) FROM generate_series(1, 100000) i;"
      "CREATE TABLE b AS SELECT md5(i::text) FROM generate_series(1, 100000) i");
  const TestDirectory directory;
  const TestDirectory place;
  auto piped = open_piped(make_dump(source, directory, "directory"), place);
  ASSERT_NE(piped, nullptr);
  for (const auto& each : fs::directory_iterator(piped->dump().path)) {
    if (each.path().extension() != ".dat" || each.path().filename() == "toc.dat") continue;
    std::ifstream reader(each.path());
    std::string line;
    std::getline(reader, line);
    EXPECT_EQ(line.size(), 32U);
    piped->finish();  // one is being read, the other never was
    break;
  }
  piped.reset();
  EXPECT_TRUE(fs::is_empty(place.path()));
  // Nor does it wait for ever where somebody has cleaned up.
  piped = open_piped(directory.path() / "directory", place);
  ASSERT_NE(piped, nullptr);
  fs::remove_all(piped->dump().path);
  piped->finish();
}

// How many files this process may have open, for as long as the object lives.
class OpenFileLimit {
 public:
  explicit OpenFileLimit(rlim_t files) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = files;
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~OpenFileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }
  OpenFileLimit(const OpenFileLimit&) = delete;
  OpenFileLimit& operator=(const OpenFileLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(PipedArchive, NeedsAnOpenFileForEachTable) {
  const TestDatabase source;
  source.run(
      "DO $$ BEGIN FOR i IN 1..200 LOOP "
      "EXECUTE format('CREATE TABLE t%s AS SELECT %s AS n', i, i); END LOOP; END $$");
  const TestDirectory directory;
  const TestDirectory place;
  const fs::path dump = make_dump(source, directory, "custom");
  {
    const OpenFileLimit too_few(250);
    EXPECT_EQ(open_piped(dump, place), nullptr);
  }
  const OpenFileLimit enough(310);
  auto piped = open_piped(dump, place);
  ASSERT_NE(piped, nullptr);
  const TestDatabase target;
  const ProcessResult result =
      run_client("pg_restore", target.info(), {"--jobs=2", piped->dump().path.string()});
  EXPECT_TRUE(result.ok()) << result.errors;
  piped->finish();
  EXPECT_TRUE(as_sql(target) == as_sql(source));
  piped = open_piped(dump, place);
  ASSERT_NE(piped, nullptr);
  piped.reset();  // and nobody has read
}

TEST(PipedArchive, RemovesWhatAKilledRunLeft) {
  const TestDatabase source;
  source.run("CREATE TABLE t AS SELECT 1 AS a");
  const TestDirectory directory;
  const TestDirectory place;
  const fs::path old = place.path() / "pgcycle-pipes-killed";
  const fs::path young = place.path() / "pgcycle-pipes-begun";
  const fs::path other = place.path() / "other";
  for (const fs::path& each : {old, young, other}) {
    fs::create_directory(each);
    if (each != young) {
      fs::last_write_time(each, fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
  }
  const fs::path dump = make_dump(source, directory, "custom");
  auto piped = open_piped(dump, place);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
  EXPECT_TRUE(fs::exists(other));
  // One in use stays, however old.
  const fs::path used = piped->dump().path;
  fs::last_write_time(used, fs::file_time_type::clock::now() - std::chrono::hours(1));
  const auto second = open_piped(dump, place);
  EXPECT_TRUE(fs::exists(used / "toc.dat"));
}

TEST(ArchiveContents, TheHeaviestGetTheLowestNumbers) {
  const TestDatabase source;
  source.run(
      "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY);"
      "CREATE TABLE c (i int); CREATE VIEW v AS SELECT * FROM a");
  const TestDirectory directory;
  const fs::path dump = make_dump(source, directory, "custom");
  auto contents = ArchiveContents::read(dump);
  ASSERT_TRUE(contents);
  const auto before = contents->entries();
  std::vector<std::uint64_t> weights(before.size());
  std::vector<std::size_t> data;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].description == "TABLE DATA") data.push_back(i);
  }
  ASSERT_EQ(data.size(), 3U);
  weights[data[1]] = 1000;
  weights[data[0]] = 10;
  contents->number_by_weight(weights);
  const auto& after = contents->entries();
  std::set<int> ids;
  std::map<int, int> new_of;
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_TRUE(ids.insert(after[i].id).second);
    new_of[before[i].id] = after[i].id;
  }
  for (std::size_t i = 0; i < after.size(); ++i) {
    ASSERT_EQ(after[i].dependencies.size(), before[i].dependencies.size());
    for (std::size_t d = 0; d < after[i].dependencies.size(); ++d) {
      const int old = before[i].dependencies[d];
      EXPECT_EQ(after[i].dependencies[d], new_of.contains(old) ? new_of[old] : old);
    }
  }
  // b's rows and its key, then a's and its key.
  std::vector<std::string> first;
  for (const int id : ids) {
    for (const ArchiveEntry& entry : after) {
      if (entry.id == id && first.size() < 4) first.push_back(entry.description);
    }
  }
  std::sort(first.begin(), first.begin() + 2);
  std::sort(first.begin() + 2, first.end());
  EXPECT_EQ(first,
            (std::vector<std::string>{"CONSTRAINT", "TABLE DATA", "CONSTRAINT", "TABLE DATA"}));
  EXPECT_EQ(after[data[1]].id, std::min(after[data[1]].id, after[data[0]].id));
}

TEST(ArchiveContents, WhatIsNotUnderstoodIsLeftAlone) {
  const TestDatabase source;
  source.run("CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i");
  const TestDirectory directory;
  const std::string bytes = read_file(make_dump(source, directory, "custom"));
  const auto contents = ArchiveContents::read(directory.write("whole", bytes));
  ASSERT_TRUE(contents);
  std::size_t end = 0;  // of the contents
  for (const ArchiveEntry& entry : contents->entries()) end = entry.position.value_or(end);
  ASSERT_GT(end, 500U);
  const auto refuses = [&](const std::string& content) {
    return !ArchiveContents::read(directory.write("other", content));
  };
  std::string newer = bytes;
  newer[6] = 17;
  EXPECT_TRUE(refuses(newer));
  // One that reads otherwise, though the version is known, does not end where its rows begin.
  std::string other = bytes;
  other[6] = bytes[6] == 14 ? 16 : 14;
  EXPECT_TRUE(refuses(other));
  EXPECT_TRUE(refuses(""));
  EXPECT_TRUE(refuses("PGDMP"));
  std::mt19937 random(test::test_seed());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(refuses(bytes.substr(0, random() % end)));
  for (int i = 0; i < 300; ++i) {  // no crash, whatever is in it
    std::string noise = bytes;
    for (int k = 0; k < 3; ++k) noise[random() % end] = static_cast<char>(random());
    refuses(noise);
  }
}

}  // namespace
}  // namespace pgcycle::dump
