// How many different texts there were, within about 1.6 %, in 4 KiB.
//
// Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal
// cardinality estimation algorithm", 2007, with linear counting for small numbers.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string_view>

namespace pgcycle {

class DistinctCount {
 public:
  void add(std::string_view text) {
    std::uint64_t hash = std::hash<std::string_view>()(text);
    hash ^= hash >> 33U;
    hash *= 0xff51afd7ed558ccdU;
    hash ^= hash >> 33U;
    const auto rank = static_cast<std::uint8_t>(std::countl_zero(hash << kBits | 1U) + 1);
    std::uint8_t& place = registers_[hash >> (64 - kBits)];
    place = std::max(place, rank);
  }

  void merge(const DistinctCount& other) {
    for (std::size_t i = 0; i < kRegisters; ++i) {
      registers_[i] = std::max(registers_[i], other.registers_[i]);
    }
  }

  std::uint64_t estimate() const {
    double sum = 0;
    std::size_t empty = 0;
    for (const std::uint8_t rank : registers_) {
      sum += std::ldexp(1.0, -rank);
      empty += rank == 0 ? 1 : 0;
    }
    constexpr double kCount = kRegisters;
    double result = 0.7213 / (1 + 1.079 / kCount) * kCount * kCount / sum;
    if (result < 2.5 * kCount && empty > 0) {
      result = kCount * std::log(kCount / static_cast<double>(empty));
    }
    return static_cast<std::uint64_t>(std::llround(result));
  }

 private:
  static constexpr unsigned kBits = 12;
  static constexpr std::size_t kRegisters = 1U << kBits;
  std::array<std::uint8_t, kRegisters> registers_{};
};

}  // namespace pgcycle
