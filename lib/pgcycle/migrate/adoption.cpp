#include "pgcycle/migrate/adoption.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/migrate/step_file.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"

namespace pgcycle::migrate {

namespace {

struct HistoryTable {
  const char* tool;
  const char* table;   // its name; found in any schema
  const char* column;  // one that tells it from another tool's table of the same name
  // Queries, {} is the table. What is applied, in the order of being applied; "below" where all
  // below it is so too; "baseline" where it need not have a file either.
  const char* applied;
  const char* failed = nullptr;  // what was begun and did not end well
};

constexpr HistoryTable kTables[] = {
    {"Flyway", "flyway_schema_history", "installed_rank",
     "SELECT name, CASE WHEN type LIKE '%BASELINE' THEN 'baseline' END FROM (SELECT DISTINCT ON "
     "(name) * FROM (SELECT *, "
     "COALESCE(version, regexp_replace(script, '^.*/|[.]sql$', '', 'g')) AS name FROM {}) h "
     "ORDER BY name, installed_rank DESC) h WHERE type NOT LIKE 'UNDO%' AND type NOT IN "
     "('SCHEMA', 'DELETE') ORDER BY installed_rank",
     "SELECT script FROM {} WHERE NOT success"},
    {"golang-migrate", "schema_migrations", "dirty", "SELECT version::text, 'below' FROM {}",
     "SELECT version::text FROM {} WHERE dirty"},
    {"dbmate", "schema_migrations", "version", "SELECT version::text, NULL FROM {}"},
    {"goose", "goose_db_version", "is_applied",
     "SELECT version_id::text, NULL FROM (SELECT DISTINCT ON (version_id) version_id, is_applied "
     "FROM {} ORDER BY version_id, id DESC) x WHERE is_applied AND version_id > 0"},
    {"diesel", "__diesel_schema_migrations", "version", "SELECT version::text, NULL FROM {}"},
    {"sqlx", "_sqlx_migrations", "checksum", "SELECT version::text, NULL FROM {}",
     "SELECT version::text FROM {} WHERE NOT success"},
    {"Prisma", "_prisma_migrations", "migration_name",
     "SELECT migration_name, NULL FROM {} WHERE rolled_back_at IS NULL",
     "SELECT migration_name FROM {} WHERE finished_at IS NULL AND rolled_back_at IS NULL"},
    {"sqitch", "changes", "planner_email", "SELECT change, NULL FROM {} ORDER BY committed_at"},
    {"alembic", "alembic_version", "version_num", "SELECT version_num, 'below' FROM {}"},
};

// What sqitch keeps beside `changes`, in a schema that is its own by default.
constexpr const char* kSqitchTables[] = {"dependencies", "events", "projects", "releases", "tags"};

struct AppliedName {
  std::string name;  // as the tool calls it
  bool and_below = false;
  bool needs_file = true;
};

struct Found {
  const HistoryTable* table = nullptr;
  std::string schema;  // as SQL
  std::string name;    // of the table, as SQL
  std::vector<AppliedName> applied;
};

void require_ended(postgres::Connection& connection, const Found& found) {
  if (found.table->failed == nullptr) return;
  const auto failed = connection.query(fmt::format(fmt::runtime(found.table->failed), found.name));
  if (failed.empty()) return;
  throw Error(ErrorCode::check,
              fmt::format("{} says that {} did not end well", found.name, failed.get(0, 0)))
      .hint(fmt::format("mend it with {}, then adopt", found.table->tool));
}

Found find_history(postgres::Connection& connection) {
  for (const HistoryTable& table : kTables) {
    const auto rows = connection.query(
        "SELECT quote_ident(n.nspname), format('%I.%I', n.nspname, c.relname) FROM "
        "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "
        "c.relname = $1 AND c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_attribute a "
        "WHERE a.attrelid = c.oid AND a.attname = $2 AND NOT a.attisdropped) ORDER BY 1 LIMIT 1",
        {std::string(table.table), std::string(table.column)});
    if (rows.empty()) continue;
    Found found{&table, rows.get(0, 0), rows.get(0, 1), {}};
    require_ended(connection, found);
    const auto applied = connection.query(fmt::format(fmt::runtime(table.applied), found.name));
    for (std::size_t i = 0; i < applied.size(); ++i) {
      found.applied.push_back(
          {applied.get(i, 0), !applied.is_null(i, 1), applied.get(i, 1) != "baseline"});
    }
    return found;
  }
  throw Error(ErrorCode::input, "no migration tool has left a history here")
      .hint(
          "known are alembic, Flyway, golang-migrate, goose, dbmate, sqitch, diesel, sqlx and "
          "Prisma");
}

// Our version for what the tool calls it: the number in front of the name, or the name. Where the
// name stands for more than one, as sqitch's reworked changes do, the one that comes `before`
// others of it.
const Version* version_of(const std::vector<Version>& versions, const std::string& name,
                          std::size_t before) {
  for (const Version& version : versions) {
    const std::string& own = version.name;
    const std::string rest = own.substr(std::min(own.find('_') + 1, own.size()));
    const bool same = own == name || rest == name ||  // sqitch's changes have no number
                      (own.starts_with(name) && own.substr(name.size()).starts_with('@'));
    if (same && before-- == 0) return &version;
  }
  const auto number = flyway_number(name);
  if (!number) return nullptr;
  const auto same = std::find_if(versions.begin(), versions.end(), [&](const Version& version) {
    return !version.repeatable() && version.number == *number;
  });
  return same == versions.end() ? nullptr : &*same;
}

// What the tools keep for themselves is not part of the schema.
void leave_out(catalog::Inventory& inventory, const std::string& table) {
  std::erase_if(inventory.objects, [&](const auto& entry) {
    const catalog::CatalogObject& object = entry.second;
    return object.key.name == table || object.parent == table ||
           object.property("owned by").starts_with(table + ".") ||
           object.property("identity of").starts_with(table + ".");
  });
}

// Its schema too, where the files do not make it.
void leave_out_history(catalog::Inventory& live, const catalog::Inventory& wanted,
                       const Found& found) {
  leave_out(live, found.name);
  if (found.table->tool != std::string_view("sqitch")) return;
  for (const char* table : kSqitchTables) leave_out(live, found.schema + "." + table);
  const catalog::ObjectKey schema{"schema", found.schema};
  if (!wanted.objects.contains(schema)) live.objects.erase(schema);
}

class Adoption {
 public:
  explicit Adoption(const AdoptionRequest& request)
      : request_(request),
        versions_(read_migrations(request.migration.directory)),
        connection_(open_plain(request.migration.target, request.migration.reporter)) {}

  AdoptionReport run() {
    const Found found = find_history(connection_);
    AdoptionReport report{found.table->tool, found.name, {}};
    const std::vector<const Version*> applied = applied_versions(found);
    prove(found, applied);
    for (const Version* version : stamp(applied)) report.versions.push_back(version->name);
    return report;
  }

 private:
  // In the order of the files.
  std::vector<const Version*> applied_versions(const Found& found) const {
    std::set<const Version*> out;
    if (!request_.to.empty()) {
      add_up_to(find_version(versions_, request_.to).number, out);
    } else {
      add_recorded(found, out);
      require_prefix(out);
    }
    return {out.begin(), out.end()};
  }

  void add_up_to(const std::vector<std::int64_t>& number, std::set<const Version*>& out) const {
    for (const Version& version : versions_) {
      if (!version.repeatable() && version.number <= number) out.insert(&version);
    }
  }

  void add_recorded(const Found& found, std::set<const Version*>& out) const {
    ErrorList errors;
    std::map<std::string, std::size_t> seen;
    for (const AppliedName& applied : found.applied) {
      const Version* version = version_of(versions_, applied.name, seen[applied.name]++);
      if (version != nullptr) out.insert(version);
      if (applied.and_below && (version != nullptr || !applied.needs_file)) {
        if (const auto number = version ? version->number : flyway_number(applied.name)) {
          add_up_to(*number, out);
        }
        continue;
      }
      if (version != nullptr) continue;
      errors.add(
          Error(ErrorCode::input, fmt::format("{} says that {} is applied, which has no file here",
                                              found.name, applied.name))
              .at(request_.migration.directory.string())
              .hint("restore its file; or say with --to VERSION what the database is at"));
    }
    errors.raise_if_any();
  }

  // Only what is applied from the first on can be built and compared.
  void require_prefix(const std::set<const Version*>& applied) const {
    const Version* missing = nullptr;
    for (const Version& version : versions_) {
      if (version.repeatable()) continue;
      if (!applied.contains(&version)) {
        if (missing == nullptr) missing = &version;
      } else if (missing != nullptr) {
        throw Error(ErrorCode::check, fmt::format("{} is applied, but {} below it is not",
                                                  version.name, missing->name))
            .at(missing->directory.string())
            .hint("apply it with the tool that you leave, then adopt");
      }
    }
  }

  // A database made of the files must be the same.
  void prove(const Found& found, const std::vector<const Version*>& applied) {
    const dump::ScratchDatabase built(request_.sources.own_server(), request_.sources.reporter);
    SilentReporter silent;
    if (!applied.empty()) {
      MigrateRequest build{built.target(),
                           request_.migration.config,
                           request_.migration.directory,
                           {},
                           false,
                           false,
                           request_.migration.environment,
                           silent};
      build.guarded = false;
      std::vector<Version> versions;
      for (const Version* version : applied) versions.push_back(*version);
      with_named_roles(built.target(), request_.sources.reporter,
                       [&] { apply_versions(build, versions); });
    }
    auto wanted_connection = server::open_target(built.target(), silent);
    auto live_connection = server::open_target(request_.migration.target, silent);
    catalog::Inventory wanted = catalog::load_inventory(wanted_connection);
    catalog::Inventory live = catalog::load_inventory(live_connection);
    leave_out_history(live, wanted, found);
    leave_out(wanted, found.name);
    std::string detail;
    for (const catalog::ObjectChange& change : catalog::compare(wanted, live)) {
      detail += catalog::to_string(change) + "\n";
    }
    if (detail.empty()) return;
    throw Error(ErrorCode::check, "the database is not what its files make: nothing is stamped")
        .detail("against the files, the database has:\n" + detail)
        .hint(
            "see pgcycle-migrate diff DIR@VERSION URL; bring one in line with the other, then "
            "adopt");
  }

  // Those that the journal does not have yet, which it returns.
  std::vector<const Version*> stamp(std::vector<const Version*> applied) {
    const MigrateRequest& request = request_.migration;
    Journal journal(connection_);
    const auto drop_known = [&] {
      const JournalContents contents = journal.read();
      std::erase_if(applied, [&](const Version* version) {
        return contents.versions.contains(version->name);
      });
    };
    if (request.dry_run) {
      drop_known();
      return applied;
    }
    if (request.guarded) {
      auto maintenance = server::open_maintenance(request.target, request.reporter);
      server::require_test_database(maintenance, request.target, request.config, request.reporter,
                                    "take over the database's history");
    }
    const server::TransactionLock turn(open_plain(request.target, request.reporter), "migrate",
                                       request.reporter);
    journal.prepare();
    drop_known();
    std::vector<postgres::Statement> statements{{"BEGIN", {}}};
    for (const Version* version : applied) {
      for (const Step& step : version->steps) {
        statements.push_back(Journal::started(*version, step));
        statements.push_back(Journal::done(*version, step, "adopted"));
      }
      statements.push_back(Journal::version_done(*version).front());
    }
    statements.push_back({"COMMIT", {}});
    connection_.query_all(statements);
    return applied;
  }

  const AdoptionRequest& request_;
  const std::vector<Version> versions_;
  postgres::Connection connection_;
};

}  // namespace

AdoptionReport adopt(const AdoptionRequest& request) { return Adoption(request).run(); }

}  // namespace pgcycle::migrate
