// What schemas are compared: a database, a dump, or what a folder of migrations makes.
//
// Dumps and migrations are built on the project's own server, in databases that go with the
// object. A database that is there is only read.
//
// Thread rule: one thread. Errors: as the reset's and the runner's; Error{usage} for text that
// is none of these.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "pgcycle/config/config.hpp"
#include "pgcycle/dump/scratch_database.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::migrate {

struct SchemaSourceContext {
  const Config& config;
  std::function<server::Target()> target;      // of the command, for bare names
  std::function<server::Target()> own_server;  // where databases may be made
  Environment environment;
  unsigned jobs = 1;
  Reporter& reporter;
};

// A dump, restored with its grants on the project's own server, which gets the roles that it names.
std::unique_ptr<dump::ScratchDatabase> restore_aside(const dump::DumpFile& dump,
                                                     const SchemaSourceContext& context);

// A live database, dumped and restored likewise.
enum class CopiedRows { all, none };
std::unique_ptr<dump::ScratchDatabase> copy_aside(const server::Target& live, CopiedRows rows,
                                                  const SchemaSourceContext& context);

// Runs `build` on a database of the project's own server, again for each role that its files name
// and that the server lacks, which gets it. What is done must stay done.
void with_named_roles(const server::Target& scratch, Reporter& reporter,
                      const std::function<void()>& build);

class SchemaSource {
 public:
  // `text`: a URI, key=value string or name of a database; a dump file; a folder of migrations,
  // with @VERSION to stop at one.
  SchemaSource(const std::string& text, const SchemaSourceContext& context);

  const std::string& text() const { return text_; }
  const server::Target& target() const { return *target_; }
  // A session with it.
  postgres::Connection open() const;
  // A copy of it that may be changed; of a database that is there, without its rows.
  const server::Target& copy();

 private:
  void build_migrations(const std::filesystem::path& directory, const std::string& version);
  void restore(const std::filesystem::path& file);

  std::string text_;
  const SchemaSourceContext& context_;
  std::optional<server::Target> target_;
  std::unique_ptr<dump::ScratchDatabase> scratch_;  // what `target_` is, where it was built
  std::unique_ptr<dump::ScratchDatabase> copy_;
};

// pg_dump's account of a schema, one line after the other in no order, without what depends on
// who dumps: two databases with the same lines are the same to pg_dump.
std::multiset<std::string> schema_dump_lines(const server::Target& target,
                                             const SchemaSourceContext& context);

}  // namespace pgcycle::migrate
