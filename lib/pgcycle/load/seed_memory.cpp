#include "pgcycle/load/seed_memory.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "pgcycle/server/database_properties.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::load {

namespace fs = std::filesystem;
using catalog::QualifiedName;
using Json = nlohmann::json;

namespace {

constexpr int kFormat = 5;
constexpr const char* kNote = "pgcycle.seed";
constexpr std::size_t kMostFiles = 50;

// Definitions of columns and constraints change with the transaction that wrote them. What is
// hidden comes and goes: temporary tables, of any session, and those of TOAST (in the schema 99 of
// every server) with each REFRESH MATERIALIZED VIEW. A query of plain scans: in a session that has
// just begun it is planned at half the cost of one with joins.
constexpr const char* kColumns = R"(
WITH hidden AS (SELECT oid FROM pg_catalog.pg_class
                WHERE oid >= 16384 AND (relnamespace = 99 OR relpersistence = 't'))
SELECT (SELECT count(*) || ' ' || sum(hashtextextended(concat_ws('.', attrelid, attnum, xmin), 0))
        FROM pg_catalog.pg_attribute
        WHERE attnum > 0 AND attrelid >= 16384 AND attrelid NOT IN (SELECT oid FROM hidden))
    || ' ' ||
       (SELECT count(*) || ' ' || COALESCE(sum(hashtextextended(concat_ws('.', oid, xmin), 0)), 0)
        FROM pg_catalog.pg_constraint
        WHERE oid >= 16384 AND conrelid NOT IN (SELECT oid FROM hidden))
)";

// What kColumns leaves out. Defaults change with their column, and so do the indexes of constraints
// with those. Not pg_class and pg_sequence by their transactions: TRUNCATE and RESTART write there
// too.
constexpr const char* kOthers = R"(
WITH hidden AS (SELECT oid FROM pg_catalog.pg_class
                WHERE oid >= 16384 AND (relnamespace = 99 OR relpersistence = 't'))
SELECT concat_ws(' ',
  (SELECT sum(hashtextextended(concat_ws('.', oid, relname, relnamespace, relkind, relpersistence,
     relrowsecurity, relforcerowsecurity, relhastriggers, relhasrules, relispartition, relispopulated,
     relowner, relacl), 0))
   FROM pg_catalog.pg_class WHERE oid >= 16384 AND relnamespace <> 99 AND relpersistence <> 't'),
  (SELECT sum(hashtextextended(concat_ws('.', seqrelid, seqtypid, seqstart, seqincrement, seqmax, seqmin,
     seqcache, seqcycle), 0))
   FROM pg_catalog.pg_sequence WHERE seqrelid NOT IN (SELECT oid FROM hidden)),
  (SELECT sum(hashtextextended(concat_ws('.', kind, id, changed), 0)) FROM (
     SELECT 'i' AS kind, indexrelid AS id, xmin AS changed FROM pg_catalog.pg_index
       WHERE indexrelid >= 16384 AND indrelid NOT IN (SELECT oid FROM hidden)
     UNION ALL SELECT 't', oid, xmin FROM pg_catalog.pg_trigger
       WHERE tgrelid NOT IN (SELECT oid FROM hidden)
     UNION ALL SELECT 'r', oid, xmin FROM pg_catalog.pg_rewrite
       WHERE oid >= 16384 AND ev_class NOT IN (SELECT oid FROM hidden)
     UNION ALL SELECT 'p', oid, xmin FROM pg_catalog.pg_policy
       WHERE polrelid NOT IN (SELECT oid FROM hidden)
     UNION ALL SELECT 'y', oid, xmin FROM pg_catalog.pg_type
       WHERE oid >= 16384 AND typnamespace <> 99 AND NOT pg_is_other_temp_schema(typnamespace)
     UNION ALL SELECT 'e', oid, xmin FROM pg_catalog.pg_enum
     UNION ALL SELECT 'h', inhrelid, xmin FROM pg_catalog.pg_inherits
       WHERE inhrelid NOT IN (SELECT oid FROM hidden)
     UNION ALL SELECT 'n', oid, xmin FROM pg_catalog.pg_namespace WHERE NOT starts_with(nspname, 'pg_')
     UNION ALL SELECT 'f', oid, xmin FROM pg_catalog.pg_proc
       WHERE oid >= 16384 AND NOT pg_is_other_temp_schema(pronamespace)
     UNION ALL SELECT 'o', objid, xmin FROM pg_catalog.pg_depend
       WHERE classid = 'pg_class'::regclass AND objid >= 16384 AND (refobjsubid > 0 OR deptype = 'e')
         AND objid NOT IN (SELECT oid FROM hidden)) x))
)";

constexpr const char* kRole = R"(
SELECT concat_ws(' ',
  current_user, current_setting('is_superuser'),
  (SELECT sum(hashtextextended(concat_ws('.', roleid, member, xmin), 0))
   FROM pg_catalog.pg_auth_members))
)";

constexpr const char* kUnloggedSequences =
    "SELECT COALESCE(array_agg(oid), '{}') FROM pg_catalog.pg_class WHERE relkind = 'S' AND "
    "relpersistence = 'u'";

constexpr const char* kPosition =
    "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END";

std::string rows_sql(const std::string& from, const std::string& transaction) {
  return fmt::format("(SELECT count(*) FILTER (WHERE xmin = '{}'::xid) || '/' || count(*) FROM {})",
                     transaction, from);
}

// Never as set where values are drawn ahead: those move it without a trace in the log.
std::string value_sql(const std::string& sequence) {
  return fmt::format(
      "(SELECT last_value || ',' || is_called || CASE WHEN log_cnt > 0 THEN ' ahead' ELSE '' END "
      "FROM {})",
      sequence);
}

std::string array_of(const std::vector<std::string>& expressions) {
  return fmt::format("SELECT ARRAY[{}]::text[]", fmt::join(expressions, ", "));
}

Json json_of(const server::ChangeTracker::Mark& mark) {
  return {{"position", mark.position},     {"on_disk", mark.on_disk},
          {"next", mark.next_transaction}, {"server_start", mark.server_start},
          {"database", mark.database},     {"own", mark.own_transaction},
          {"settled", mark.is_settled}};
}

// Of what was written by `keep`; throws where something is missing.
using Stored = simdjson::dom::element;
std::string text_in(const Stored& stored, std::string_view key) {
  return std::string(std::string_view(stored[key]));
}

std::uint32_t oid_in(const Stored& stored) {
  return static_cast<std::uint32_t>(std::uint64_t(stored["oid"]));
}

server::ChangeTracker::Mark mark_in(const Stored& stored) {
  return {text_in(stored, "position"),     text_in(stored, "on_disk"),  text_in(stored, "next"),
          text_in(stored, "server_start"), text_in(stored, "database"), text_in(stored, "own"),
          bool(stored["settled"])};
}

fs::path file_of(const fs::path& directory, const std::string& token) {
  return directory / (token + ".json");
}

bool is_token(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Definitions definitions_of(postgres::Connection& connection) {
  const auto results = connection.query_all({{kColumns, {}}, {kOthers, {}}, {kRole, {}}});
  return {results[0].get(0, 0), results[1].get(0, 0), results[2].get(0, 0)};
}

std::optional<SeedMemory> SeedMemory::recall(postgres::Connection& connection,
                                             const fs::path& directory,
                                             server::ChangeTracker& tracker) {
  SeedMemory memory;
  memory.tracker_ = &tracker;
  // The note as the session began with is asked for at a fraction of the time. It is not there
  // where it is in the database's comment, or where a pooler's session is older.
  const auto row = connection.query(
      fmt::format("SELECT COALESCE(current_setting('{}', true), ''), ({})", kNote, kPosition));
  const auto has_file = [&] {
    return is_token(memory.token_) && fs::exists(file_of(directory, memory.token_));
  };
  memory.token_ = row.get(0, 0);
  memory.is_noted_ = true;
  if (!has_file()) {
    memory.token_ = server::database_setting(connection, connection.database(), kNote);
    if (!has_file()) return std::nullopt;
  }
  try {
    simdjson::dom::parser parser;
    const Stored stored = parser.parse(read_file(file_of(directory, memory.token_)));
    if (std::int64_t(stored["format"]) != kFormat) return std::nullopt;
    memory.input_ = text_in(stored, "input");
    memory.position_ = text_in(stored, "position");
    memory.definitions_ = {text_in(stored, "columns"), text_in(stored, "others"),
                           text_in(stored, "role")};
    memory.mark_ = mark_in(stored["mark"]);
    for (const Stored sequence : stored["sequences"].get_array()) {
      memory.sequences_[text_in(sequence, "name")] = {text_in(sequence, "value"), oid_in(sequence),
                                                      bool(sequence["unlogged"])};
    }
    for (const Stored table : stored["tables"].get_array()) {
      memory.tables_[{text_in(table, "schema"), text_in(table, "name")}] = {
          text_in(table, "from"),
          text_in(table, "source"),
          text_in(table, "transaction"),
          text_in(table, "rows"),
          oid_in(table),
          bool(table["partitioned"])};
    }
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;  // cut short: nothing is known
  }
  memory.see_position(connection, row.get(0, 1));
  return memory;
}

SeedMemory::Look SeedMemory::look(postgres::Connection& connection) const {
  Look out;
  out.mark = server::ChangeTracker::mark(connection);
  const auto changes = written(connection, out.mark);
  const auto is_suspect = [&changes](std::uint32_t oid) {
    return !changes || changes->relations.contains(oid);
  };
  std::vector<std::string> values;
  for (const auto& [name, sequence] : sequences_) {
    if (is_suspect(sequence.oid)) values.push_back(value_sql(name));
  }
  std::vector<std::string> rows;
  for (const auto& [name, table] : tables_) {
    if (is_suspect(table.oid)) rows.push_back(rows_sql(table.from, table.transaction));
  }
  const bool defined_anew = !changes || changes->definitions || definitions_.others.empty();
  std::vector<postgres::Statement> statements{
      {array_of(values), {}}, {array_of(rows), {}}, {kRole, {}}};
  if (defined_anew) statements.insert(statements.end(), {{kColumns, {}}, {kOthers, {}}});
  statements.push_back({kUnloggedSequences, {}});
  statements.push_back({kPosition, {}});
  const auto results = connection.query_all(statements);

  const auto found_values = results[0].array(0, 0);
  const auto found_rows = results[1].array(0, 0);
  std::size_t at = 0;
  for (const auto& [name, sequence] : sequences_) {
    out.sequences[name] = is_suspect(sequence.oid) ? found_values.at(at++) : sequence.value;
  }
  at = 0;
  for (const auto& [name, table] : tables_) {
    out.rows.push_back(is_suspect(table.oid) ? found_rows.at(at++) : table.rows);
  }
  out.definitions = definitions_;
  if (defined_anew) {
    out.definitions.columns = results[3].get(0, 0);
    out.definitions.others = results[4].get(0, 0);
  }
  out.definitions.role = results[2].get(0, 0);
  for (const std::string& oid : results[results.size() - 2].array(0, 0)) {
    out.unlogged.insert(static_cast<std::uint32_t>(std::stoul(oid)));
  }
  out.position_after = results.back().get(0, 0);
  return out;
}

std::optional<server::ChangeTracker::Changes> SeedMemory::written(postgres::Connection& connection,
                                                                  Mark& now) const {
  server::ChangeTracker::Relations relations;
  for (const auto& [name, sequence] : sequences_) relations.all.push_back(sequence.oid);
  for (const auto& [name, table] : tables_) {
    relations.all.push_back(table.oid);
    if (table.partitioned) relations.partitioned.push_back(table.oid);
  }
  return tracker_->since(mark_, now, bytes_worth_reading(), connection, relations);
}

// To read the log may take as long as to look at all, by what both took in measurements.
std::uint64_t SeedMemory::bytes_worth_reading() const {
  constexpr double kTable = 0.3;  // milliseconds
  constexpr double kRow = 0.00006;
  constexpr double kSession = 7;  // to open one
  constexpr double kQuestion = 1;
  constexpr double kBytes = 40'000;  // of the log in a millisecond
  double milliseconds = (tracker_->is_open() ? 0 : -kSession) - kQuestion;
  for (const auto& [name, table] : tables_) {
    std::uint64_t rows = 0;
    const std::size_t all = table.rows.find('/') + 1;
    std::from_chars(table.rows.data() + all, table.rows.data() + table.rows.size(), rows);
    milliseconds += kTable + kRow * static_cast<double>(rows);
  }
  return milliseconds <= 0 ? 0 : static_cast<std::uint64_t>(milliseconds * kBytes);
}

void SeedMemory::see_position(postgres::Connection& connection) {
  see_position(connection, connection.query(kPosition).get(0, 0));
}

void SeedMemory::see_position(postgres::Connection& connection, const std::string& answer) {
  position_now_ = answer;
  seen_now_ = false;
  if (answer.empty() || !has_unlogged_sequences()) return;
  std::vector<std::string> values;
  for (const auto& [name, sequence] : sequences_) {
    if (sequence.unlogged) values.push_back(value_sql(name));
  }
  try {
    for (const std::string& value : connection.query(array_of(values)).array(0, 0)) {
      position_now_ += " " + value;
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    position_now_.clear();  // one is gone
  }
}

bool SeedMemory::has_unlogged_sequences() const {
  return std::any_of(sequences_.begin(), sequences_.end(),
                     [](const auto& entry) { return entry.second.unlogged; });
}

std::string SeedMemory::full_position(const std::string& position, const Look& look) const {
  std::string out = position;
  for (const auto& [name, sequence] : sequences_) {
    if (look.unlogged.contains(sequence.oid)) out += " " + look.sequences.at(name);
  }
  return out;
}

std::string SeedMemory::position_sql() { return kPosition; }

std::string SeedMemory::position_and_writers_sql() {
  return fmt::format("{}, {}", kPosition, server::ChangeTracker::writers_sql());
}

// The last look serves while nothing was written since.
bool SeedMemory::has_seen_all() const {
  return seen_ && (seen_now_ || (!position_now_.empty() &&
                                 full_position(seen_->position_after, *seen_) == position_now_));
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
      if (now.definitions.columns != definitions_.columns) return false;
      for (const auto& [name, sequence] : sequences_) {
        if (now.sequences.at(name) != sequence.value) return false;
      }
      definitions_ = now.definitions;
      if (now.mark.is_settled) mark_ = now.mark;
      if (now.mark.position == now.position_after) {
        // Whatever was written before has been seen, or commits after it.
        for (auto& [name, sequence] : sequences_) {
          sequence.unlogged = now.unlogged.contains(sequence.oid);
        }
        position_ = position_now_ = full_position(now.position_after, now);
        return true;
      }
      if (!again) return true;
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    return false;  // a table or sequence is gone
  }
}

bool SeedMemory::has_loaded(const QualifiedName& table, const std::string& source,
                            const Definitions& definitions) const {
  const auto known = tables_.find(table);
  return known != tables_.end() && known->second.source == source &&
         definitions_.columns == definitions.columns;
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
    for (const auto& [name, sequence] : sequences_) {
      if (now.sequences.at(name) != sequence.value) out.sequences.insert(name);
    }
    return out;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    return std::nullopt;
  }
}

std::vector<postgres::Statement> SeedMemory::questions(bool altered) {
  std::vector<postgres::Statement> out{{"SELECT pg_current_xact_id()::xid", {}}};
  if (altered) out.push_back({kColumns, {}});
  return out;
}

SeedMemory SeedMemory::take(const SeedPlan& plan, const std::string& input_hash,
                            const SourceHashes& sources, const Loaded& loaded,
                            const std::optional<SeedMemory>& before,
                            server::ChangeTracker& tracker) {
  SeedMemory memory;
  memory.tracker_ = &tracker;
  memory.token_ = before ? before->token_ : to_hex(random_bytes(16));
  memory.is_noted_ = before && before->is_noted_;
  memory.input_ = input_hash;
  const std::string transaction = loaded.answers.at(0).get(0, 0);
  for (const RowSource& source : plan.sources) {
    const QualifiedName& name = source.table().name;
    const auto rows = loaded.tables.find(name);
    if (rows == loaded.tables.end()) {
      memory.tables_[name] = before.value().tables_.at(name);
    } else {
      memory.tables_[name] = {source.table().from_sql(),
                              sources.at(name),
                              transaction,
                              fmt::format("{0}/{0}", rows->second),
                              source.table().oid,
                              source.table().partitioned};
    }
  }
  // A sequence that was not set may have moved meanwhile: that is for the next seed to find.
  for (const catalog::Sequence& sequence : plan.schema.sequences) {
    if (sequence.uses.empty()) continue;
    const std::string name = sequence.name.sql();
    const auto set = loaded.sequences.find(name);
    memory.sequences_[name] = {
        set != loaded.sequences.end() ? set->second : before.value().sequences_.at(name).value,
        sequence.oid, sequence.unlogged};
  }
  // What was defined anew since they were read shows in the next look.
  memory.definitions_ = loaded.definitions;
  if (loaded.answers.size() > 1) memory.definitions_.columns = loaded.answers[1].get(0, 0);
  if (before) {
    const bool looked = !before->is_unmoved() && before->has_seen_all();
    memory.mark_ = looked && before->seen_->mark.is_settled ? before->seen_->mark : before->mark_;
  }
  memory.mark_.own_transaction = transaction;
  return memory;
}

std::vector<postgres::Statement> SeedMemory::questions_behind() {
  return server::ChangeTracker::questions_behind();
}

void SeedMemory::see_commit(const std::string& writers_before,
                            const std::vector<postgres::Result>& answers) {
  Mark mark = server::ChangeTracker::mark_behind(writers_before, mark_.own_transaction, answers);
  if (mark.is_settled) mark_ = std::move(mark);
}

void SeedMemory::keep(postgres::Connection& connection, const fs::path& directory) {
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
                      {"rows", table.rows},
                      {"oid", table.oid},
                      {"partitioned", table.partitioned}});
  }
  Json sequences = Json::array();
  for (const auto& [name, sequence] : sequences_) {
    sequences.push_back({{"name", name},
                         {"value", sequence.value},
                         {"oid", sequence.oid},
                         {"unlogged", sequence.unlogged}});
  }
  const Json memory{{"format", kFormat},
                    {"input", input_},
                    {"position", position_},
                    {"columns", definitions_.columns},
                    {"others", definitions_.others},
                    {"role", definitions_.role},
                    {"mark", json_of(mark_)},
                    {"sequences", std::move(sequences)},
                    {"tables", std::move(tables)}};
  // Others are of databases that are long gone.
  write_cache_file(file_of(directory, token_), memory.dump(1), kMostFiles,
                   [](std::string_view name) {
                     return name.ends_with(".json") && is_token(name.substr(0, name.size() - 5));
                   });
  if (!is_noted_) {
    server::set_database_setting(connection, connection.database(), kNote, token_);
    is_noted_ = true;
  }
}

}  // namespace pgcycle::load
