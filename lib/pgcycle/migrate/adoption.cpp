#include "pgcycle/migrate/adoption.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/migrate/step_file.hpp"
#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/guard.hpp"

namespace pgcycle::migrate {

namespace {

struct HistoryTable {
  const char* tool;
  const char* table;    // its name; found in any schema
  const char* column;   // one that tells it from another tool's table of the same name
  const char* applied;  // query of applied versions, {} is the table
  bool counts;          // one row: all versions up to it are applied
};

constexpr HistoryTable kTables[] = {
    {"Flyway", "flyway_schema_history", "installed_rank",
     "SELECT DISTINCT ON (version) version FROM {} WHERE version IS NOT NULL AND success AND type "
     "NOT LIKE 'UNDO%' ORDER BY version, installed_rank DESC",
     false},
    {"golang-migrate", "schema_migrations", "dirty", "SELECT version::text FROM {} WHERE NOT dirty",
     true},
    {"dbmate", "schema_migrations", "version", "SELECT version::text FROM {}", false},
    {"goose", "goose_db_version", "is_applied",
     "SELECT version_id::text FROM (SELECT DISTINCT ON (version_id) version_id, is_applied FROM {} "
     "ORDER BY version_id, id DESC) x WHERE is_applied AND version_id > 0",
     false},
    {"diesel", "__diesel_schema_migrations", "version", "SELECT version::text FROM {}", false},
    {"sqlx", "_sqlx_migrations", "checksum", "SELECT version::text FROM {} WHERE success", false},
    {"Prisma", "_prisma_migrations", "migration_name",
     "SELECT migration_name FROM {} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
     false},
    {"sqitch", "changes", "planner_email", "SELECT change FROM {} ORDER BY committed_at", false},
    {"alembic", "alembic_version", "version_num", "SELECT version_num FROM {}", true},
};

struct Found {
  const HistoryTable* table = nullptr;
  std::string name;  // as SQL
  std::vector<std::string> applied;
};

Found find_history(postgres::Connection& connection) {
  for (const HistoryTable& table : kTables) {
    const auto rows = connection.query(
        "SELECT format('%I.%I', n.nspname, c.relname), c.oid FROM pg_catalog.pg_class c JOIN "
        "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1 AND c.relkind = "
        "'r' "
        "AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname "
        "= "
        "$2 AND NOT a.attisdropped) ORDER BY 1 LIMIT 1",
        {std::string(table.table), std::string(table.column)});
    if (rows.empty()) continue;
    Found found{&table, rows.get(0, 0), {}};
    const auto applied = connection.query(fmt::format(fmt::runtime(table.applied), found.name));
    for (std::size_t i = 0; i < applied.size(); ++i) found.applied.push_back(applied.get(i, 0));
    return found;
  }
  throw Error(ErrorCode::input, "no migration tool has left a history here")
      .hint(
          "known are alembic, Flyway, golang-migrate, goose, dbmate, sqitch, diesel, sqlx and "
          "Prisma");
}

// Our version for what the tool calls it: the number in front of the name, or the name.
const Version* version_of(const std::vector<Version>& versions, const std::string& name) {
  for (const Version& version : versions) {
    if (version.name == name) return &version;
    const std::string rest =
        version.name.substr(std::min(version.name.find('_') + 1, version.name.size()));
    if (rest == name) return &version;  // sqitch's changes have no number
  }
  const auto number = dotted_number(name);
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
  const std::string schema = table.substr(0, table.find('.'));
  if (schema == "sqitch") {
    std::erase_if(inventory.objects, [&](const auto& entry) {
      return entry.first.name == schema || entry.first.name.starts_with(schema + ".");
    });
  }
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
    for (const Version* version : applied) report.versions.push_back(version->name);
    if (!request_.migration.dry_run) stamp(applied);
    return report;
  }

 private:
  std::vector<const Version*> applied_versions(const Found& found) const {
    std::vector<const Version*> out;
    if (!request_.to.empty()) {
      const Version& last = find_version(versions_, request_.to);
      for (const Version& version : versions_) {
        if (!version.repeatable()) out.push_back(&version);
        if (&version == &last) break;
      }
      return out;
    }
    ErrorList errors;
    for (const std::string& name : found.applied) {
      const Version* version = version_of(versions_, name);
      if (version == nullptr) {
        errors.add(Error(ErrorCode::input, fmt::format("{} says that {} is applied, which has no "
                                                       "file here",
                                                       found.name, name))
                       .at(request_.migration.directory.string())
                       .hint("restore its file; or say with --to VERSION what the database is at"));
      } else if (!found.table->counts) {
        out.push_back(version);
      } else {
        for (const Version& other : versions_) {
          if (!other.repeatable()) out.push_back(&other);
          if (&other == version) break;
        }
      }
    }
    errors.raise_if_any();
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    require_prefix(out);
    return out;
  }

  // Only what is applied from the first on can be built and compared.
  void require_prefix(const std::vector<const Version*>& applied) const {
    for (std::size_t i = 0; i < applied.size(); ++i) {
      if (applied[i] == &versions_[i]) continue;
      throw Error(ErrorCode::check, fmt::format("{} is applied, but {} below it is not",
                                                applied[i]->name, versions_[i].name))
          .at(versions_[i].directory.string())
          .hint("apply it with the tool that you leave, then adopt");
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
                           applied.back()->name,
                           false,
                           false,
                           request_.migration.environment,
                           silent};
      build.guarded = false;
      up(build);
    }
    auto wanted_connection = server::open_target(built.target(), silent);
    auto live_connection = server::open_target(request_.migration.target, silent);
    catalog::Inventory wanted = catalog::load_inventory(wanted_connection);
    catalog::Inventory live = catalog::load_inventory(live_connection);
    leave_out(live, found.name);
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

  void stamp(const std::vector<const Version*>& applied) {
    const MigrateRequest& request = request_.migration;
    if (request.guarded) {
      auto maintenance = server::open_maintenance(request.target, request.reporter);
      server::require_test_database(maintenance, request.target, request.config, request.reporter,
                                    "take over the database's history");
    }
    const server::TransactionLock turn(open_plain(request.target, request.reporter), "migrate",
                                       request.reporter);
    Journal journal(connection_);
    journal.prepare();
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
  }

  const AdoptionRequest& request_;
  const std::vector<Version> versions_;
  postgres::Connection connection_;
};

}  // namespace

AdoptionReport adopt(const AdoptionRequest& request) { return Adoption(request).run(); }

}  // namespace pgcycle::migrate
