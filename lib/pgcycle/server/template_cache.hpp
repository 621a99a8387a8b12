// Restored dumps kept as databases that later resets clone.
//
// A template is named after its key and takes that name only when it is whole, so
// its name is the proof that it is ready. It accepts no sessions. Builders and
// pruners take its advisory lock alone, cloners share it: a template is neither
// built twice nor dropped under a clone. What is in it and when it was last used are
// settings of the template itself, so the cache belongs to the server and is shared by
// all who use it.
//
// A spare is a copy of a template that was made when there was time (`make_spare`); the
// next clone takes it and gives it its name. It has the template's key in its own name,
// counts with the template and goes with it.
//
// A template may be published before all is done that makes it better (`Build` says so); `finish`
// does that on a copy, which takes the template's place.
//
// Thread rule: one thread, that of the session. Errors: as the session.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/new_database.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::server {

struct DatabaseContents {
  std::size_t tables = 0;
  std::uint64_t rows = 0;   // as the building of indexes or ANALYZE counted them
  bool unfinished = false;  // ANALYZE looked at a small sample only
};

struct CachedTemplate {
  std::string database;
  std::string key;
  std::uint64_t bytes = 0;     // with its spare
  std::int64_t last_used = 0;  // seconds since 1970
};

// 0 means without bound.
struct CacheLimits {
  std::uint64_t max_bytes = 0;
  std::uint64_t max_count = 0;
};

// A template that stays as long as this object.
struct HeldTemplate {
  std::string key;
  std::string database;
  DatabaseContents contents;
  bool was_there = false;
  std::unique_ptr<AdvisoryLock> lock;
};

class TemplateCache {
 public:
  TemplateCache(postgres::Connection& maintenance, const Target& target, Reporter& reporter)
      : maintenance_(maintenance), target_(target), reporter_(reporter) {}

  // Makes the database and fills it.
  using Build = std::function<DatabaseContents(const NewDatabase&)>;
  // The template of that key, which `build` fills first where it is missing.
  HeldTemplate hold(const std::string& key, const Build& build);

  // Makes database `name` of the template: its spare, or a new copy.
  static void clone(postgres::Connection& maintenance, const HeldTemplate& held,
                    const std::string& name);
  using Work = std::function<void(const postgres::ConnectionInfo&)>;
  // Where the template is unfinished: puts a copy of it that `finish` has worked on in its place,
  // which leaves its contents as they were noted.
  // Clones are made meanwhile as before. Leaves it as it is while others
  // hold it or do the same.
  void finish(const std::string& key, const Work& finish);
  // Makes the spare where there is none and, with it, the template still fits the limits.
  void make_spare(const std::string& key, const CacheLimits& limits);

  // All templates of this server with their spares, the latest used first.
  std::vector<CachedTemplate> list();
  // Drops the least recently used ones past the limits, but never `keep`; their names.
  std::vector<std::string> prune(const CacheLimits& limits, const std::string& keep = {});

  // The advisory lock of the builder that has this database aside, or of the template
  // that this spare was made of and that is gone; empty for any other name. Whoever gets the lock
  // may drop it.
  static std::string lock_of_database_aside(postgres::Connection& maintenance,
                                            const std::string& name);

 private:
  void build_template(const std::string& key, const Build& build);
  void complete_aside(const std::string& aside, const DatabaseContents& contents);
  void note_use(const std::string& database);
  void drop(const CachedTemplate& entry);

  postgres::Connection& maintenance_;
  const Target& target_;
  Reporter& reporter_;
};

}  // namespace pgcycle::server
