// What a seed reads before the server has answered: hashes of its input and, where that is not as
// it was, a plan by the schema that was remembered last.
//
// Made in a thread of its own while the session is opened. Whether the plan is of the schema that
// is there is known only when the server has told its definitions.
//
// Errors: those of hashing come with `input`. What else is wrong is left for whoever makes the
// plan by the schema as it is.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <set>
#include <string>

#include "pgcycle/load/input_hash.hpp"
#include "pgcycle/load/seed_memory.hpp"
#include "pgcycle/load/seed_plan.hpp"

namespace pgcycle::load {

class ReadAhead {
 public:
  struct Request {
    SeedInput input;
    std::string database;                    // its name
    std::filesystem::path memory_directory;  // of seeds
    bool loads_everything = false;           // whether or not the input is as it was
  };
  // The hasher must outlive this; it may be used again once `input` was asked for.
  ReadAhead(Request request, InputHasher& hasher);

  // Waits for it. Once.
  InputHash input() { return hash_.get(); }
  bool has_input() const { return hash_.valid(); }  // nobody has asked for it yet
  // The plan where there is one, it is of this input and of these definitions, and every file is
  // known to fit its table; else nothing. Waits for it. Once.
  std::unique_ptr<SeedPlan> plan(const InputHash& input, const Definitions& definitions,
                                 int server_version, const FitsAlready& fits_already);

 private:
  struct Plan {
    std::string input;  // hash of what it is made of
    catalog::SchemaDetail detail = catalog::SchemaDetail::all;
    std::string schema_key;
    std::set<std::string> held;  // files, against that schema
    std::unique_ptr<SeedPlan> plan;
  };
  Plan read(InputHasher& hasher);

  Request request_;
  std::promise<InputHash> hashed_;
  std::future<InputHash> hash_;
  std::future<Plan> plan_;  // the last: its end waits for the thread
};

}  // namespace pgcycle::load
