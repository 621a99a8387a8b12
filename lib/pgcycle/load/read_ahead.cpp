#include "pgcycle/load/read_ahead.hpp"

#include <algorithm>
#include <utility>

#include "pgcycle/load/schema_memory.hpp"

namespace pgcycle::load {

using catalog::QualifiedName;
using catalog::SchemaDetail;

ReadAhead::ReadAhead(Request request, InputHasher& hasher)
    : request_(std::move(request)),
      hash_(hashed_.get_future()),
      plan_(std::async(std::launch::async, [this, &hasher] { return read(hasher); })) {}

ReadAhead::Plan ReadAhead::read(InputHasher& hasher) {
  Plan out;
  try {
    hasher.recall(request_.input, request_.memory_directory);
    const InputHash hash = hasher(request_.input);
    out.input = hash.all;
    out.held = hasher.hashed_anew();
    hashed_.set_value(hash);  // from here on the hasher is the other thread's
  } catch (...) {
    hashed_.set_exception(std::current_exception());
    return out;
  }
  if (out.held.empty() && !request_.loads_everything) return out;
  try {
    out.plan = make_seed_plan(
        [this, &out](SchemaDetail detail) {
          LastSchema last = last_schema(request_.database, detail, request_.memory_directory);
          out.detail = detail;
          out.schema_key = std::move(last.key);
          return std::move(last.schema);
        },
        request_.input,
        [this, &out](const QualifiedName&, const std::string& file) {
          if (request_.loads_everything) out.held.insert(file);
          return !out.held.contains(file);
        });
  } catch (...) {
    out.plan.reset();
  }
  return out;
}

std::unique_ptr<SeedPlan> ReadAhead::plan(const InputHash& input, const Definitions& definitions,
                                          int server_version, const FitsAlready& fits_already) {
  Plan ahead = plan_.get();
  if (!ahead.plan || ahead.input != input.all ||
      ahead.schema_key != schema_key(definitions, ahead.detail, server_version)) {
    return nullptr;
  }
  const auto& tables = ahead.plan->manifest.tables;
  const bool all_fit = std::all_of(tables.begin(), tables.end(), [&](const auto& entry) {
    const std::string file = (request_.input.fixtures_directory / entry.file).native();
    return request_.input.adapt || ahead.held.contains(file) || fits_already(entry.table, file);
  });
  return all_fit ? std::move(ahead.plan) : nullptr;
}

}  // namespace pgcycle::load
