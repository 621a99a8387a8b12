#include "pgcycle/support/distinct_count.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgcycle {
namespace {

TEST(DistinctCount, IsWithinAFewPercent) {
  for (const int count : {0, 1, 10, 1000, 20000, 400000}) {
    DistinctCount whole;
    DistinctCount half;
    DistinctCount other_half;
    for (int i = 0; i < count; ++i) {
      const std::string text = "value " + std::to_string(i);
      for (int again = 0; again < 2; ++again) whole.add(text);
      (i % 2 == 0 ? half : other_half).add(text);
    }
    const double tolerance = 0.06 * count;
    EXPECT_NEAR(static_cast<double>(whole.estimate()), count, tolerance);
    half.merge(other_half);
    EXPECT_EQ(half.estimate(), whole.estimate());
  }
}

}  // namespace
}  // namespace pgcycle
