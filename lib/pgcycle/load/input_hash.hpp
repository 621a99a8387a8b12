// Hashes of fixtures and golden records, by which a seed finds what was edited.
//
// A file whose size, place and times of change are as they were is not read again. The hashes are
// kept from one process to the next in `input-HASH.json` of the directory of seeds; without it, or
// where it is damaged, all is read.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "pgcycle/load/seed_plan.hpp"

namespace pgcycle::load {

constexpr std::string_view kInputFilePrefix = "input-";

// Hashes of what a seed is made of.
struct InputHash {
  std::string all;                           // fixtures, golden records, options
  std::map<std::string, std::string> files;  // of each of them, by path
};

// Hashes files again only where they may have changed since the last time.
class InputHasher {
 public:
  InputHash operator()(const SeedInput& input);

  // The files that were read in the last run: others are as they were.
  const std::set<std::string>& hashed_anew() const { return anew_; }

  // Of an earlier process, before the first run.
  void recall(const SeedInput& input, const std::filesystem::path& directory);
  // What was hashed in the last run, where some was hashed anew. Throws Error{step}.
  void keep(const SeedInput& input, const std::filesystem::path& directory);

 private:
  // Device, inode, size, times of change of the content and of anything, in nanoseconds.
  using Stamp = std::array<std::int64_t, 5>;
  struct Known {
    Stamp stamp{};
    std::string hash;
  };
  const std::string& hash_of(const std::string& file);
  void add_directory(const std::filesystem::path& directory, InputHash& hash);

  std::map<std::string, Known> known_;  // by path
  std::map<std::string, std::string> last_;
  std::set<std::string> anew_;
  bool is_new_ = false;  // some of it is not kept yet
};

// What each table is loaded with, as a hash.
using SourceHashes = std::map<catalog::QualifiedName, std::string>;
// Of the tables that golden records were merged into; before expressions are evaluated.
SourceHashes hashes_of_merged(const SeedPlan& plan);
// Adds the others, whose fixtures are loaded as they are.
void add_hashes_of_files(SourceHashes& hashes, const SeedPlan& plan, const SeedInput& input,
                         const InputHash& input_hash);

}  // namespace pgcycle::load
