#include "pgcycle/migrate/backup.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/dump/fetch.hpp"
#include "pgcycle/dump/requirements.hpp"
#include "pgcycle/dump/restore.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Content = std::map<std::string, catalog::TableContent>;
using Json = nlohmann::ordered_json;

constexpr const char* kDump = "dump";
constexpr const char* kManifest = "manifest.json";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string time_now() { return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::time(nullptr))); }

// Without what a restore leaves out on purpose, and what pg_dump does not keep: the order of
// columns in tables that inherit some.
catalog::Inventory as_a_dump_keeps_it(catalog::Inventory inventory) {
  std::erase_if(inventory.objects,
                [](const auto& entry) { return entry.first.kind == "default privileges"; });
  std::map<std::string, int> columns;
  for (auto& [key, object] : inventory.objects) {
    object.properties.erase("grants");
    if (key.kind == "extension") object.properties.erase("version");
    if (key.kind != "column") continue;
    const catalog::CatalogObject* table = inventory.find({"table", object.parent});
    if (table == nullptr || table->property("inherits").empty()) continue;
    object.properties["number"] = std::to_string(++columns[object.parent]);
  }
  return inventory;
}

std::string sha256_of(const fs::path& file) {
  Sha256 hash;
  const FileDescriptor descriptor = open_to_read(file);
  read_blocks(descriptor.get(), file.string(),
              [&hash](std::string_view block) { hash.update(block); });
  return to_hex(hash.finish());
}

std::int64_t rows_in(const Content& content) {
  std::int64_t rows = 0;
  for (const auto& [name, table] : content) rows += table.rows;
  return rows;
}

// Throws with what differs.
void require_same(const std::vector<std::string>& differences, const std::string& what) {
  if (differences.empty()) return;
  throw Error(ErrorCode::check, fmt::format("{} is not what was backed up", what))
      .detail(fmt::format("{}", fmt::join(differences, "\n")))
      .hint(
          "nothing was changed; see whether the server that proves it has other versions of "
          "extensions or collations");
}

bool is_backup_of(const fs::path& path, const std::string& database) {
  const std::string name = path.filename().string();
  return fs::exists(path / kManifest) && name.starts_with(database + ".") &&
         name.size() == database.size() + 17;
}

std::vector<fs::path> backups_of(const fs::path& directory, const std::string& database) {
  std::vector<fs::path> out;
  if (!fs::is_directory(directory)) return out;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (is_backup_of(entry.path(), database)) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Backup {
 public:
  explicit Backup(const BackupRequest& request) : request_(request) {}

  BackupReport run() {
    BackupReport report;
    AtomicDirectory directory(request_.directory / request_.target.database());
    fs::permissions(directory.staging(), fs::perms::owner_all);
    const fs::path dump = directory.staging() / kDump;
    const auto start = Clock::now();
    take(dump);
    report.dump_seconds = seconds_since(start);
    const auto proof = Clock::now();
    prove(dump);
    report.proof_seconds = seconds_since(proof);
    report.bytes = fs::file_size(dump);
    report.tables = content_.size();
    report.rows = rows_in(content_);
    write_manifest(directory.staging(), report);
    const std::string name = fmt::format("{}.{}", request_.target.database(), time_now());
    directory.publish_as(name);
    report.directory = request_.directory / name;
    remove_oldest(report, directory.staging());
    return report;
  }

 private:
  // The dump and what it must hold, in one snapshot.
  void take(const fs::path& dump) {
    FileDescriptor made(::open(dump.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!made.is_open()) {
      throw Error(ErrorCode::step, fmt::format("cannot write {}", dump.string()));
    }
    auto connection = server::open_target(request_.target, request_.context.reporter);
    const postgres::Transaction reading(connection, postgres::Transaction::Mode::snapshot);
    const std::string snapshot = connection.query("SELECT pg_export_snapshot()").get(0, 0);
    dump::fetch_dump({request_.target.info,
                      dump,
                      {},
                      {},
                      "pgcycle-migrate",
                      request_.target.container,
                      request_.context.environment,
                      request_.context.reporter,
                      snapshot});
    inventory_ = as_a_dump_keeps_it(catalog::load_inventory(connection));
    content_ = catalog::content_of(connection);
    server_version_ = connection.server_version();
  }

  void prove(const fs::path& dump) {
    const dump::DumpFile file = dump::inspect_dump(dump);
    const auto restored = restore_aside(file, request_.context);
    auto connection = server::open_target(restored->target(), request_.context.reporter);
    std::vector<std::string> differences =
        catalog::compare(content_, catalog::content_of(connection));
    for (const catalog::ObjectChange& change : catalog::compare(
             provable_on(connection), as_a_dump_keeps_it(catalog::load_inventory(connection)))) {
      differences.push_back(catalog::to_string(change));
    }
    require_same(differences, "the restored backup");
  }

  // Extensions that the server of the proof lacks are left out there, with a notice.
  catalog::Inventory provable_on(postgres::Connection& connection) const {
    std::set<std::string> available;
    const auto rows =
        connection.query("SELECT quote_ident(name) FROM pg_catalog.pg_available_extensions");
    for (std::size_t i = 0; i < rows.size(); ++i) available.insert(rows.get(i, 0));
    catalog::Inventory out = inventory_;
    std::erase_if(out.objects, [&available](const auto& entry) {
      return entry.first.kind == "extension" && !available.contains(entry.first.name);
    });
    return out;
  }

  void write_manifest(const fs::path& directory, const BackupReport& report) const {
    Json tables = Json::object();
    for (const auto& [name, table] : content_) {
      tables[name] = {{"rows", table.rows}, {"hash", table.hash}};
    }
    const Json manifest{{"schema", "pgcycle.backup/1"},
                        {"database", request_.target.database()},
                        {"server_version", server_version_},
                        {"taken_at", time_now()},
                        {"sha256", sha256_of(directory / kDump)},
                        {"dump_seconds", report.dump_seconds},
                        {"restore_seconds", report.proof_seconds},
                        {"catalog", catalog::fingerprint(inventory_)},
                        {"tables", tables}};
    write_file_atomically(directory / kManifest, manifest.dump(2) + "\n", 0600);
  }

  // Each is first given the name of what a killed run leaves, so that none is ever half there.
  void remove_oldest(BackupReport& report, const fs::path& aside) const {
    if (request_.keep == 0) return;
    std::vector<fs::path> all = backups_of(request_.directory, request_.target.database());
    for (std::size_t i = 0; i + request_.keep < all.size(); ++i) {
      fs::rename(all[i], aside);
      fs::remove_all(aside);
      report.removed.push_back(all[i]);
    }
  }

  const BackupRequest& request_;
  catalog::Inventory inventory_;
  Content content_;
  int server_version_ = 0;
};

struct Manifest {
  std::string database;
  std::string sha256;
  std::string catalog;
  Content content;
};

Manifest read_manifest(const fs::path& backup) {
  const fs::path path = backup / kManifest;
  try {
    const Json json = Json::parse(read_file(path));
    Manifest out{json.at("database"), json.at("sha256"), json.at("catalog"), {}};
    for (const auto& [name, table] : json.at("tables").items()) {
      out.content[name] = {table.at("rows"), table.at("hash")};
    }
    return out;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::input,
                fmt::format("cannot read the backup's manifest: {}", error.what()))
        .at(path.string());
  }
}

}  // namespace

fs::path newest_backup(const fs::path& backups, const std::string& database) {
  const std::vector<fs::path> all = backups_of(backups, database);
  if (!all.empty()) return all.back();
  throw Error(ErrorCode::input, fmt::format("no backup of {} in {}", database, backups.string()))
      .hint("take one with pgcycle-migrate backup, or name one with --backup DIR");
}

BackupReport back_up(const BackupRequest& request) { return Backup(request).run(); }

RollbackReport roll_back(const RollbackRequest& request) {
  const auto start = Clock::now();
  RollbackReport report;
  report.backup = request.backup.empty() ? newest_backup(request.backups, request.target.database())
                                         : request.backup;
  const Manifest manifest = read_manifest(report.backup);
  const fs::path dump_path = report.backup / kDump;
  if (manifest.database != request.target.database()) {
    throw Error(ErrorCode::guard, fmt::format("refused to roll back {}: this is a backup of {}",
                                              request.target.database(), manifest.database))
        .at(report.backup.string());
  }
  if (sha256_of(dump_path) != manifest.sha256) {
    throw Error(ErrorCode::check, "the backup's dump is not what was written")
        .at(dump_path.string());
  }
  auto maintenance = server::open_maintenance(request.target, request.context.reporter);
  server::DatabaseSwap swap(maintenance, request.target, request.context.reporter);
  const server::NewDatabase fresh(maintenance, swap.new_database());
  const postgres::ConnectionInfo& aside = fresh.info();
  const dump::DumpFile file = dump::inspect_dump(dump_path);
  const dump::RestoreRequest whole{file,
                                   aside,
                                   fresh.server_major(),
                                   request.target.container,
                                   request.context.jobs,
                                   dump::OwnersAndGrants::restored,
                                   request.context.environment,
                                   request.context.reporter,
                                   true};
  fresh.create(dump::requirements_of(whole).locale());
  dump::restore(whole);
  dump::analyze(aside, request.context.jobs, "pgcycle-migrate", request.context.reporter);
  {
    auto connection = postgres::Connection::open(aside, {"pgcycle-migrate", nullptr, false});
    std::vector<std::string> differences =
        catalog::compare(manifest.content, catalog::content_of(connection));
    if (catalog::fingerprint(as_a_dump_keeps_it(catalog::load_inventory(connection))) !=
        manifest.catalog) {
      differences.emplace_back("the catalogue");
    }
    require_same(differences, "what was restored");
  }
  if (request.production) {
    report.old_database = fmt::format("{}_before_{}", request.target.database(), time_now());
    swap.keep_old_as(report.old_database);
  }
  swap.rename_in();
  report.tables = manifest.content.size();
  report.rows = rows_in(manifest.content);
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace pgcycle::migrate
