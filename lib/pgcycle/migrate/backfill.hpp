// The data step NAME.backfill.json: a column filled batch by batch in the order of the primary
// key, each batch a transaction of its own, so that no lock is held for long
// (docs/migrations.md).
//
// The last key of a batch is noted in the batch's own transaction: a run that was cut off goes
// on behind it.
//
// Errors: Error{input} with the place in the file; Error{statement}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::migrate {

// `after` is what was noted last; empty: from the start. `note` is called inside each batch's
// transaction; `run_batch` runs a batch, again where it met a lock; `setting` is run at the
// beginning of each. Returns the number of rows.
std::uint64_t run_backfill(postgres::Connection& connection, const std::filesystem::path& file,
                           const std::string& after,
                           const std::function<void(const std::string& key)>& note,
                           const std::function<void(const std::function<void()>&)>& run_batch,
                           const std::string& setting, Reporter& reporter);

}  // namespace pgcycle::migrate
