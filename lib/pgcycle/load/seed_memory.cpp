#include "pgcycle/load/seed_memory.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "pgcycle/load/schema_memory.hpp"
#include "pgcycle/server/database_properties.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::load {

namespace fs = std::filesystem;
using catalog::QualifiedName;
using Json = nlohmann::json;

namespace {

constexpr int kFormat = 3;
constexpr const char* kNote = "pgcycle.seed";
constexpr std::size_t kMostFiles = 50;

// Definitions of columns and constraints change with the transaction that wrote them. Those of
// TOAST and temporary tables come and go, also with each REFRESH MATERIALIZED VIEW.
constexpr const char* kColumns = R"(
SELECT (SELECT count(*) || ' ' || sum(hashtextextended(concat_ws('.', attrelid, attnum, xmin), 0)::numeric)
        FROM pg_catalog.pg_attribute WHERE attnum > 0 AND attrelid IN (
          SELECT oid FROM pg_catalog.pg_class WHERE oid >= 16384 AND relnamespace NOT IN (
            SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_')))
    || ' ' ||
       (SELECT count(*) || ' ' || COALESCE(sum(hashtextextended(concat_ws('.', oid, xmin), 0)::numeric), 0)
        FROM pg_catalog.pg_constraint WHERE oid >= 16384)
)";

// What kColumns leaves out, and what depends on the role. Not pg_class and pg_sequence by their
// transactions: TRUNCATE and RESTART write there too.
constexpr const char* kOthers = R"(
WITH ns AS (SELECT oid, xmin FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'),
rel AS (SELECT * FROM pg_catalog.pg_class WHERE oid >= 16384 AND relnamespace IN (SELECT oid FROM ns))
SELECT concat_ws(' ',
  (SELECT sum(hashtextextended(concat_ws('.', oid, relname, relnamespace, relkind, relpersistence,
     relrowsecurity, relforcerowsecurity, relhastriggers, relhasrules, relispartition, relispopulated,
     relowner, relacl), 0)::numeric)
   FROM rel),
  (SELECT sum(hashtextextended(concat_ws('.', seqrelid, seqtypid, seqstart, seqincrement, seqmax, seqmin,
     seqcache, seqcycle), 0)::numeric) FROM pg_catalog.pg_sequence),
  (SELECT sum(hashtextextended(concat_ws('.', kind, id, changed), 0)::numeric) FROM (
     SELECT 'd' AS kind, oid AS id, xmin AS changed FROM pg_catalog.pg_attrdef
       WHERE adrelid IN (SELECT oid FROM rel)
     UNION ALL SELECT 'i', indexrelid, xmin FROM pg_catalog.pg_index WHERE indrelid IN (SELECT oid FROM rel)
     UNION ALL SELECT 't', oid, xmin FROM pg_catalog.pg_trigger
     UNION ALL SELECT 'r', oid, xmin FROM pg_catalog.pg_rewrite WHERE oid >= 16384
     UNION ALL SELECT 'p', oid, xmin FROM pg_catalog.pg_policy
     UNION ALL SELECT 'y', oid, xmin FROM pg_catalog.pg_type
       WHERE oid >= 16384 AND typnamespace IN (SELECT oid FROM ns)
     UNION ALL SELECT 'e', oid, xmin FROM pg_catalog.pg_enum
     UNION ALL SELECT 'h', inhrelid, xmin FROM pg_catalog.pg_inherits
     UNION ALL SELECT 'n', oid, xmin FROM ns
     UNION ALL SELECT 'f', oid, xmin FROM pg_catalog.pg_proc WHERE oid >= 16384
     UNION ALL SELECT 'o', objid, xmin FROM pg_catalog.pg_depend
       WHERE classid = 'pg_class'::regclass AND (refobjsubid > 0 OR deptype = 'e')
         AND objid IN (SELECT oid FROM rel)) x),
  current_user, (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
  (SELECT sum(hashtextextended(concat_ws('.', roleid, member, xmin), 0)::numeric)
   FROM pg_catalog.pg_auth_members))
)";

constexpr const char* kPosition =
    "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END";

std::string hash_of_file(const fs::path& file) {
  const FileDescriptor open = open_to_read(file);
  Sha256 hash;
  read_blocks(open.get(), file.string(), [&hash](std::string_view block) { hash.update(block); });
  return to_hex(hash.finish());
}

std::string hash_of_rows(const fixture::MergedTable& table) {
  std::string text;
  for (const fixture::Row& row : table.rows) {
    for (const auto& value : row.values) {
      text += value ? fmt::format("{}:", value->size()) + *value : "-";
    }
    text.push_back('\n');
  }
  for (const fixture::PendingValue& pending : table.pending) {
    text += fmt::format("{}.{}={}\n", pending.row, pending.column, pending.expression);
  }
  return to_hex(sha256(text));
}

std::string rows_sql(const std::string& from, const std::string& transaction) {
  return fmt::format("(SELECT count(*) FILTER (WHERE xmin = '{}'::xid) || '/' || count(*) FROM {})",
                     transaction, from);
}

std::vector<std::string> values_sql(const std::vector<std::string>& sequences) {
  std::vector<std::string> out;
  for (const std::string& name : sequences) {
    out.push_back(fmt::format("(SELECT last_value || ',' || is_called FROM {})", name));
  }
  return out;
}

std::string array_of(const std::vector<std::string>& expressions) {
  return fmt::format("SELECT ARRAY[{}]::text[]", fmt::join(expressions, ", "));
}

fs::path file_of(const fs::path& directory, const std::string& token) {
  return directory / (token + ".json");
}

}  // namespace

InputHash InputHasher::operator()(const SeedInput& input) {
  InputHash out;
  out.all =
      fmt::format("{} scenario={} adapt={}\nfixtures\n", kFormat, input.scenario, input.adapt);
  add_directory(input.fixtures_directory, out);
  out.all += "golden\n";
  add_directory(input.golden_directory, out);
  out.all = to_hex(sha256(out.all));
  return out;
}

void InputHasher::add_directory(const fs::path& directory, InputHash& hash) {
  if (!fs::is_directory(directory)) return;
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path().native());
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const std::string& hashed = hash.files[file] = hash_of(file);
    hash.all += fmt::format("{}={}\n", file.substr(directory.native().size()), hashed);
  }
}

const std::string& InputHasher::hash_of(const std::string& file) {
  // A file that is written while it is read, or just behind, has no later time to tell it by.
  constexpr std::int64_t kTooRecent = 50'000'000;  // nanoseconds
  constexpr std::int64_t kSecond = 1'000'000'000;
  struct stat status {};
  timespec now{};
  if (::stat(file.c_str(), &status) != 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) {
    status = {};
  }
  const std::array<std::int64_t, 4> stamp{status.st_size, static_cast<std::int64_t>(status.st_ino),
                                          status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec,
                                          status.st_ctim.tv_sec * kSecond + status.st_ctim.tv_nsec};
  Known& known = known_[file];
  if (known.hash.empty() || known.stamp != stamp) {
    known.hash = hash_of_file(file);
    const std::int64_t age = now.tv_sec * kSecond + now.tv_nsec - stamp[3];
    known.stamp = age > kTooRecent ? stamp : std::array<std::int64_t, 4>{};
  }
  return known.hash;
}

Definitions definitions_of(postgres::Connection& connection) {
  const auto results = connection.query_all({{kColumns, {}}, {kOthers, {}}});
  return {results[0].get(0, 0), results[1].get(0, 0)};
}

SourceHashes hashes_of_merged(const SeedPlan& plan) {
  SourceHashes out;
  for (const auto& [name, table] : plan.merged.tables) out[name] = hash_of_rows(table);
  return out;
}

void add_hashes_of_files(SourceHashes& hashes, const SeedPlan& plan, const SeedInput& input,
                         const InputHash& input_hash) {
  for (const RowSource& source : plan.sources) {
    const QualifiedName& name = source.table().name;
    if (plan.merged.tables.contains(name)) continue;
    const auto file =
        input_hash.files.find(plan.file_of(source.table(), input.fixtures_directory).native());
    hashes[name] = file == input_hash.files.end() ? std::string() : file->second;
  }
}

std::optional<SeedMemory> SeedMemory::recall(postgres::Connection& connection,
                                             const fs::path& directory) {
  SeedMemory memory;
  const auto row = connection.query(
      fmt::format("SELECT {}, ({}) FROM pg_catalog.pg_database WHERE datname = current_database()",
                  server::database_setting_sql("pg_database.oid", kNote), kPosition));
  memory.token_ = row.get(0, 0);
  memory.position_now_ = row.get(0, 1);
  const bool is_token = !memory.token_.empty() &&
                        memory.token_.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_token || !fs::exists(file_of(directory, memory.token_))) return std::nullopt;
  try {
    const Json json = Json::parse(read_file(file_of(directory, memory.token_)));
    if (json.at("format") != kFormat) return std::nullopt;
    memory.input_ = json.at("input");
    memory.position_ = json.at("position");
    memory.definitions_ = {json.at("columns"), json.at("others")};
    memory.sequences_ = json.at("sequences").get<std::map<std::string, std::string>>();
    for (const Json& table : json.at("tables")) {
      memory.tables_[{table.at("schema"), table.at("name")}] = {
          table.at("from"), table.at("source"), table.at("transaction"), table.at("rows")};
    }
  } catch (const Json::exception&) {
    return std::nullopt;  // cut short: nothing is known
  }
  return memory;
}

SeedMemory::Look SeedMemory::look(postgres::Connection& connection) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : sequences_) names.push_back(name);
  std::vector<std::string> rows;
  for (const auto& [name, table] : tables_) rows.push_back(rows_sql(table.from, table.transaction));
  const auto results = connection.query_all({{kPosition, {}},
                                             {kColumns, {}},
                                             {kOthers, {}},
                                             {array_of(values_sql(names)), {}},
                                             {array_of(rows), {}},
                                             {kPosition, {}}});
  Look out{results[0].get(0, 0),
           {results[1].get(0, 0), results[2].get(0, 0)},
           {},
           results[4].array(0, 0),
           results[5].get(0, 0)};
  const auto values = results[3].array(0, 0);
  for (std::size_t i = 0; i < names.size(); ++i) out.sequences[names[i]] = values.at(i);
  return out;
}

void SeedMemory::see_position(postgres::Connection& connection) {
  see_position(connection.query(kPosition).get(0, 0));
}

void SeedMemory::see_position(const std::string& answer) {
  position_now_ = answer;
  seen_now_ = false;
}

std::string SeedMemory::position_sql() { return kPosition; }

// The last look serves while nothing was written since.
bool SeedMemory::has_seen_all() const {
  return seen_ && (seen_now_ || (!position_now_.empty() && seen_->position_after == position_now_));
}

void SeedMemory::look_again(postgres::Connection& connection) {
  if (has_seen_all()) return;
  seen_ = look(connection);
  seen_now_ = true;
}

Definitions SeedMemory::definitions(postgres::Connection& connection, bool and_rows) {
  if (is_unmoved() && !definitions_.others.empty()) return definitions_;
  if (and_rows) {
    try {
      look_again(connection);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::statement) throw;  // a table or sequence is gone
    }
  }
  return has_seen_all() ? seen_->definitions : definitions_of(connection);
}

bool SeedMemory::holds(postgres::Connection& connection, const std::string& input_hash) {
  if (input_hash != input_) return false;
  // Sequences stand where setval put them: the first nextval after that is in the log.
  if (is_unmoved()) return true;
  try {
    // Reading may clean pages, which is logged: the second look does not.
    for (bool again = true;; again = false) {
      seen_ = look(connection);
      const Look& now = *seen_;
      std::size_t i = 0;
      for (const auto& [name, table] : tables_) {
        if (now.rows.at(i++) != table.rows) return false;
      }
      if (now.definitions.columns != definitions_.columns || now.sequences != sequences_) {
        return false;
      }
      if (now.position_before == now.position_after) {
        // Whatever was written before has been seen, or commits after it.
        position_ = position_now_ = now.position_before;
        definitions_ = now.definitions;
        return true;
      }
      if (!again) return true;
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    return false;  // a table or sequence is gone
  }
}

SeedMemory::Changes SeedMemory::changed_sources(const SourceHashes& sources) const {
  Changes out;
  for (const auto& [name, hash] : sources) {
    const auto known = tables_.find(name);
    if (known == tables_.end() || known->second.source != hash) out.tables.insert(name);
  }
  return out;
}

std::optional<SeedMemory::Changes> SeedMemory::changes(postgres::Connection& connection,
                                                       const SourceHashes& sources) {
  if (is_unmoved()) return changed_sources(sources);
  try {
    look_again(connection);
    const Look& now = *seen_;
    if (now.definitions.columns != definitions_.columns) return std::nullopt;
    Changes out = changed_sources(sources);
    std::size_t i = 0;
    for (const auto& [name, table] : tables_) {
      if (now.rows.at(i++) != table.rows) out.tables.insert(name);
    }
    for (const auto& [name, value] : sequences_) {
      if (now.sequences.at(name) != value) out.sequences.insert(name);
    }
    return out;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    return std::nullopt;
  }
}

std::vector<postgres::Statement> SeedMemory::questions(const std::optional<SeedMemory>& before) {
  std::vector<postgres::Statement> out{{"SELECT pg_current_xact_id()::xid", {}}};
  if (!before || !before->is_unmoved()) out.push_back({kColumns, {}});
  return out;
}

SeedMemory SeedMemory::take(postgres::Connection& connection, const SeedPlan& plan,
                            const std::string& input_hash, const SourceHashes& sources,
                            const Loaded& loaded, const std::optional<SeedMemory>& before) {
  SeedMemory memory;
  memory.token_ = before ? before->token_ : to_hex(random_bytes(16));
  memory.input_ = input_hash;
  const std::string transaction = loaded.answers.at(0).get(0, 0);
  for (const RowSource& source : plan.sources) {
    const QualifiedName& name = source.table().name;
    const auto rows = loaded.tables.find(name);
    if (rows == loaded.tables.end()) {
      memory.tables_[name] = before.value().tables_.at(name);
    } else {
      memory.tables_[name] = {source.table().from_sql(), sources.at(name), transaction,
                              fmt::format("{0}/{0}", rows->second)};
    }
  }
  // A sequence that was not set may have moved meanwhile: that is for the next seed to find.
  for (const catalog::Sequence& sequence : plan.schema.sequences) {
    if (sequence.uses.empty()) continue;
    const std::string name = sequence.name.sql();
    const auto set = loaded.sequences.find(name);
    memory.sequences_[name] =
        set != loaded.sequences.end() ? set->second : before.value().sequences_.at(name);
  }
  memory.definitions_.columns =
      loaded.answers.size() > 1 ? loaded.answers[1].get(0, 0) : before.value().definitions_.columns;
  if (!loaded.triggers_fired) return memory;
  const Look now = memory.look(connection);
  std::size_t i = 0;
  for (auto& [name, table] : memory.tables_) table.rows = now.rows.at(i++);
  return memory;
}

void SeedMemory::keep(postgres::Connection& connection, const fs::path& directory) const {
  if (fs::create_directories(directory)) {
    write_file_atomically(directory / ".gitignore", "*\n");  // it says nothing to others
  }
  Json tables = Json::array();
  for (const auto& [name, table] : tables_) {
    tables.push_back({{"schema", name.schema},
                      {"name", name.name},
                      {"from", table.from},
                      {"source", table.source},
                      {"transaction", table.transaction},
                      {"rows", table.rows}});
  }
  write_file_atomically(file_of(directory, token_), Json({{"format", kFormat},
                                                          {"input", input_},
                                                          {"position", position_},
                                                          {"columns", definitions_.columns},
                                                          {"others", definitions_.others},
                                                          {"sequences", sequences_},
                                                          {"tables", tables}})
                                                        .dump(1));
  const std::string database = connection.database();
  if (server::database_setting(connection, database, kNote) != token_) {
    server::set_database_setting(connection, database, kNote, token_);
  }
  // Others are of databases that are long gone.
  keep_newest_files(directory, kMostFiles, [](std::string_view name) {
    return name.ends_with(".json") && !name.starts_with(kSchemaFilePrefix);
  });
}

}  // namespace pgcycle::load
