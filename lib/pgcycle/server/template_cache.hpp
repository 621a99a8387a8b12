// Restored dumps kept as databases that later resets clone.
//
// A template is named after its key and takes that name only when it is whole, so
// its name is the proof that it is ready. It accepts no sessions. Builders and
// pruners take its advisory lock alone, cloners share it: a template is neither
// built twice nor dropped under a clone. What is in it and when it was last used are
// settings of the template itself, so the cache belongs to the server and is shared by
// all who use it.
//
// Thread rule: one thread, that of the session. Errors: as the session.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::server {

struct DatabaseContents {
  std::size_t tables = 0;
  std::uint64_t rows = 0;  // as ANALYZE counted them
};

struct CachedTemplate {
  std::string database;
  std::string key;
  std::uint64_t bytes = 0;
  std::int64_t last_used = 0;  // seconds since 1970
};

// 0 means without bound.
struct CacheLimits {
  std::uint64_t max_bytes = 0;
  std::uint64_t max_count = 0;
};

// A template that stays as long as this object.
struct HeldTemplate {
  std::string database;
  DatabaseContents contents;
  bool was_there = false;
  std::unique_ptr<AdvisoryLock> lock;
};

class TemplateCache {
 public:
  TemplateCache(postgres::Connection& maintenance, const Target& target, Reporter& reporter)
      : maintenance_(maintenance), target_(target), reporter_(reporter) {}

  // Fills an empty database that is given by its connection info.
  using Build = std::function<DatabaseContents(const postgres::ConnectionInfo&)>;
  // The template of that key, which `build` fills first where it is missing.
  HeldTemplate hold(const std::string& key, const Build& build);

  // All templates of this server, the latest used first.
  std::vector<CachedTemplate> list();
  // Drops the least recently used ones past the limits, but never `keep`; their names.
  std::vector<std::string> prune(const CacheLimits& limits, const std::string& keep = {});

  // The advisory lock of the builder that has this database aside; empty for any other
  // name. Whoever gets the lock may drop it.
  static std::string lock_of_database_aside(const std::string& name);

 private:
  void build_template(const std::string& key, const Build& build);
  void note_use(const std::string& database);

  postgres::Connection& maintenance_;
  const Target& target_;
  Reporter& reporter_;
};

}  // namespace pgcycle::server
