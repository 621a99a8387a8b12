#include "pgcycle/support/inflate.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pgcycle/support/process.hpp"
#include "tests/test_server.hpp"

namespace pgcycle {
namespace {

std::string gzipped(const std::string& text) {
  const auto gzip = find_program("gzip", "/usr/bin:/bin");
  ProcessSpec spec;
  spec.command = {gzip.value(), "-c"};
  return run_process(spec, text).output;
}

std::string zlib_stream(const std::string& text) {
  ProcessSpec spec;
  spec.command = {find_program("python3", "/usr/bin:/bin").value(), "-c",
                  "import sys, zlib; "
                  "sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))"};
  return run_process(spec, text).output;
}

// Text that compresses somewhat, longer than the inflater's block.
std::string sample(std::mt19937& random, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text.append(std::to_string(random())).append(random() % 5 == 0 ? "\tNULL\n" : "\t");
  }
  text.resize(bytes);
  return text;
}

// In pieces of random sizes.
std::string inflated(Inflater::Format format, std::string_view stream, std::mt19937& random) {
  Inflater inflater(format);
  std::string out;
  while (!stream.empty()) {
    const std::size_t bytes = std::min<std::size_t>(stream.size(), 1 + random() % 70000);
    inflater.take(stream.substr(0, bytes), [&out](std::string_view block) { out.append(block); });
    stream.remove_prefix(bytes);
  }
  inflater.finish();
  return out;
}

TEST(Inflater, GivesBackWhatGzipAndZlibTook) {
  std::mt19937 random(test::test_seed());
  for (const std::size_t bytes : {0, 1, 65535, 65536, 65537, 1000000}) {
    const std::string text = sample(random, bytes);
    EXPECT_EQ(inflated(Inflater::Format::gzip, gzipped(text), random), text) << bytes;
    EXPECT_EQ(inflated(Inflater::Format::zlib, zlib_stream(text), random), text) << bytes;
  }
}

TEST(Inflater, ReadsMembersOneAfterTheOther) {
  std::mt19937 random(test::test_seed());
  const std::string one = sample(random, 100000);
  const std::string stream = gzipped(one) + gzipped("") + gzipped("two");
  EXPECT_EQ(inflated(Inflater::Format::gzip, stream, random), one + "two");
}

TEST(Inflater, TellsOfDamageAndOfAnEndThatIsMissing) {
  std::mt19937 random(test::test_seed());
  const std::string text = sample(random, 300000);
  const std::string whole = gzipped(text);
  const auto failure = [&random](const std::string& stream) {
    return test::error_of([&] { inflated(Inflater::Format::gzip, stream, random); }).message();
  };
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 8, whole.size() - 1}) {
    EXPECT_NE(failure(whole.substr(0, bytes)).find("cut short"), std::string::npos) << bytes;
  }
  EXPECT_NE(failure(whole + "more than a header").find("damaged"), std::string::npos);
  EXPECT_NE(failure("no gzip at all").find("damaged"), std::string::npos);
  std::string other = whole;
  other[other.size() - 6] ^= 1;  // in the checksum
  EXPECT_NE(failure(other).find("its checksum is another"), std::string::npos);
  // A bit that is turned is told, or was one of those that nobody reads, such as the header's.
  int told = 0;
  for (int i = 0; i < 40; ++i) {
    other = whole;
    other[random() % other.size()] ^= static_cast<char>(1U << random() % 8);
    try {
      EXPECT_EQ(inflated(Inflater::Format::gzip, other, random), text) << i;
    } catch (const Error&) {
      ++told;
    }
  }
  EXPECT_GT(told, 30);
  const std::string zlib = zlib_stream("text") + "more";
  EXPECT_NE(test::error_of([&] { inflated(Inflater::Format::zlib, zlib, random); })
                .message()
                .find("goes on"),
            std::string::npos);
}

}  // namespace
}  // namespace pgcycle
