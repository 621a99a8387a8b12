#include "pgcycle/dump/dump_key.hpp"

#include <gtest/gtest.h>

#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"
#include "tests/test_server.hpp"

namespace pgcycle::dump {
namespace {

using test::TestDirectory;

TEST(ContentHash, IsThatOfTheBytesWhateverTheName) {
  const TestDirectory directory;
  const DumpFile one = inspect_dump(directory.write("one", "PGDMP 1"));
  const DumpFile same = inspect_dump(directory.write("same", "PGDMP 1"));
  const DumpFile other = inspect_dump(directory.write("other", "PGDMP 2"));
  EXPECT_EQ(content_hash(one, {}), to_hex(sha256("PGDMP 1")));
  EXPECT_EQ(content_hash(one, {}), content_hash(same, {}));
  EXPECT_NE(content_hash(one, {}), content_hash(other, {}));
}

TEST(ContentHash, OfADirectoryCoversNamesAndContents) {
  const TestDirectory directory;
  directory.write("d/toc.dat", "x");
  directory.write("d/1.dat", "y");
  const DumpFile dump = inspect_dump(directory.path() / "d");
  const std::string before = content_hash(dump, {});
  std::filesystem::rename(directory.path() / "d/1.dat", directory.path() / "d/2.dat");
  const std::string renamed = content_hash(dump, {});
  EXPECT_NE(renamed, before);
  directory.write("d/2.dat", "z");
  EXPECT_NE(content_hash(dump, {}), renamed);
}

TEST(ContentHash, IsRememberedUntilTheFileChanges) {
  const TestDirectory directory;
  const auto memory = directory.path() / "memory";
  const DumpFile dump = inspect_dump(directory.write("dump", "PGDMP 1"));
  const std::string first = content_hash(dump, memory);
  // What is remembered is what is answered …
  std::string text = read_file(memory);
  text.replace(text.find(first), 4, "beef");
  write_file_atomically(memory, text);
  EXPECT_EQ(content_hash(dump, memory).substr(0, 4), "beef");
  // … until the file is another one.
  directory.write("dump", "PGDMP 2");
  EXPECT_EQ(content_hash(dump, memory), to_hex(sha256("PGDMP 2")));
}

TEST(CacheKey, ChangesWithDumpServerAndOwners) {
  const auto key = [](const std::string& hash, int version,
                      OwnersAndGrants owners = OwnersAndGrants::left_out) {
    return cache_key(hash, version, owners);
  };
  EXPECT_EQ(key("a", 150004), key("a", 150004));
  EXPECT_NE(key("a", 150004), key("b", 150004));
  EXPECT_NE(key("a", 150004), key("a", 150005));
  EXPECT_NE(key("a", 150004), key("a", 150004, OwnersAndGrants::restored));
}

}  // namespace
}  // namespace pgcycle::dump
