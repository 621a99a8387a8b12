#include "pgcycle/migrate/rekey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/load/user_triggers.hpp"
#include "pgcycle/migrate/data_step_file.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::migrate {

namespace {

using catalog::Schema;
using catalog::Table;
using postgres::quote_identifier;
using postgres::quote_literal;
using Kind = JsonValue::Kind;

struct SoftReference {
  const Table* table = nullptr;
  std::string column;
  std::string where;
  std::vector<std::string> path;  // inside jsonb; empty: the column itself
};

struct RekeySpec {
  const Table* table = nullptr;
  std::string column;
  std::string name_space;
  std::vector<std::string> columns;
  std::string query;  // or: one that gives the old and the new key of each row
  Location query_place;
  std::vector<SoftReference> soft_references;
};

// Reads the file and holds it against the schema.
class SpecReader {
 public:
  SpecReader(const Schema& schema, const std::filesystem::path& file) : file_(schema, file) {}

  RekeySpec read() {
    const JsonValue& root = file_.root();
    DataStepFile::only(root, {"table", "column", "value", "softReferences"});
    RekeySpec spec;
    spec.table = &file_.table(root);
    spec.column = DataStepFile::column(root, "column", *spec.table).name;
    const JsonValue& value = DataStepFile::get(root, "value", Kind::object);
    DataStepFile::only(value, {"uuid5", "query"});
    if (value.find("query") != nullptr) {
      spec.query = DataStepFile::get(value, "query", Kind::string).text;
      spec.query_place = value.find("query")->place;
    } else {
      const JsonValue& uuid = DataStepFile::get(value, "uuid5", Kind::object);
      DataStepFile::only(uuid, {"namespace", "columns"});
      spec.name_space = DataStepFile::get(uuid, "namespace", Kind::string).text;
      for (const JsonValue& item : DataStepFile::get(uuid, "columns", Kind::array).items) {
        spec.columns.push_back(spec.table->require_column(item.text, item.place).name);
      }
    }
    if (const JsonValue* soft = root.find("softReferences")) {
      for (const JsonValue& item : soft->items) spec.soft_references.push_back(reference(item));
    }
    require_unique(spec);
    return spec;
  }

 private:
  SoftReference reference(const JsonValue& object) const {
    if (!object.is(Kind::object)) {
      throw Error(ErrorCode::input, "a soft reference must be an object").at(object.place);
    }
    DataStepFile::only(object, {"table", "column", "where", "path"});
    SoftReference out;
    out.table = &file_.table(object);
    out.column = DataStepFile::column(object, "column", *out.table).name;
    out.where = DataStepFile::text(object, "where");
    if (object.find("path") != nullptr) {
      for (const JsonValue& item : DataStepFile::get(object, "path", Kind::array).items) {
        out.path.push_back(item.text);
      }
    }
    return out;
  }

  void require_unique(const RekeySpec& spec) const {
    for (const catalog::UniqueKey& key : spec.table->unique_keys) {
      if (key.columns == std::vector<std::string>{spec.column} && !key.partial) return;
    }
    throw Error(ErrorCode::input, fmt::format("\"{}\" of {} has no unique key", spec.column,
                                              spec.table->name.display()))
        .at(DataStepFile::get(file_.root(), "column", Kind::string).place)
        .hint("only a primary or unique key can be given new values");
  }

  DataStepFile file_;
};

// A place that holds keys of the table: an expression to read, one to write.
struct Reference {
  const Table* table = nullptr;
  std::string label;
  std::string read;   // the key as text, on alias c
  std::string write;  // "column = expression of m.new_key"
  std::string where;  // extra condition, or empty
};

class Rekey {
 public:
  Rekey(postgres::Connection& connection, const Schema& schema, RekeySpec spec)
      : connection_(connection), schema_(schema), spec_(std::move(spec)) {
    follow_foreign_keys();
    for (const SoftReference& soft : spec_.soft_references) add_soft_reference(soft);
  }

  RekeyReport run() {
    RekeyReport report;
    report.keys = make_mapping();
    report.references = references_.size();
    if (report.keys == 0) return report;
    std::vector<std::string> before;
    for (const Reference& reference : references_) before.push_back(links(reference, true));
    const std::vector<std::string> undo = load::rest_user_triggers(
        connection_, touched_tables(), load::FiringTriggers::of_any_session);
    drop_foreign_keys();
    drop_unique_keys();
    rewrite_keys();
    for (const Reference& reference : references_) report.links += rewrite(reference);
    restore_foreign_keys();
    for (const std::string& statement : undo) connection_.execute(statement);
    for (std::size_t i = 0; i < references_.size(); ++i) {
      if (links(references_[i], false) == before[i]) continue;
      throw Error(ErrorCode::check, fmt::format("the links of {} are not the same after the rekey",
                                                references_[i].label))
          .hint("nothing was changed; check the soft reference's \"where\" and \"path\"");
    }
    return report;
  }

 private:
  std::string key_type() const { return spec_.table->find_column(spec_.column)->type_sql; }

  // Every column that holds the key: those that reference it, those that
  // reference these (a log's key may hold the key of what it belongs to), …
  void follow_foreign_keys() {
    using Place = std::pair<catalog::QualifiedName, std::string>;
    std::set<Place> holding{{spec_.table->name, spec_.column}};
    std::vector<Place> open(holding.begin(), holding.end());
    while (!open.empty()) {
      const auto [table, column] = open.back();
      open.pop_back();
      for (const catalog::ForeignKey& key : schema_.foreign_keys) {
        if (key.referenced_table != table) continue;
        for (std::size_t i = 0; i < key.columns.size(); ++i) {
          if (key.referenced_columns[i] != column) continue;
          foreign_keys_.insert(&key);
          const Place place{key.table, key.columns[i]};
          if (!holding.insert(place).second) continue;
          add_column(*schema_.find_table(key.table), key.columns[i]);
          open.push_back(place);
        }
      }
    }
  }

  void add_column(const Table& table, const std::string& column) {
    const std::string name = quote_identifier(column);
    references_.push_back({&table, fmt::format("{}.{}", table.name.display(), column),
                           fmt::format("c.{}::text", name),
                           fmt::format("{} = m.new_key::{}", name, key_type()), ""});
  }

  void add_soft_reference(const SoftReference& soft) {
    const std::string name = quote_identifier(soft.column);
    Reference reference{soft.table,
                        fmt::format("{}.{}", soft.table->name.display(), soft.column),
                        {},
                        {},
                        soft.where};
    if (soft.path.empty()) {
      reference.read = fmt::format("c.{}::text", name);
      reference.write =
          fmt::format("{} = m.new_key::{}", name, soft.table->find_column(soft.column)->type_sql);
    } else {
      std::string path = "ARRAY[";
      for (std::size_t i = 0; i < soft.path.size(); ++i) {
        path += (i == 0 ? "" : ", ") + quote_literal(soft.path[i]);
      }
      path += "]::text[]";
      reference.read = fmt::format("(c.{} #>> {})", name, path);
      reference.write = fmt::format("{0} = jsonb_set(c.{0}, {1}, to_jsonb(m.new_key))", name, path);
    }
    references_.push_back(std::move(reference));
  }

  std::vector<const Table*> touched_tables() const {
    std::set<const Table*> tables{spec_.table};
    for (const Reference& reference : references_) tables.insert(reference.table);
    return {tables.begin(), tables.end()};
  }

  // Fills pg_temp.rekey with old and new keys; returns how many differ.
  std::uint64_t make_mapping() {
    connection_.execute(
        "CREATE TEMPORARY TABLE rekey (old_key text PRIMARY KEY, new_key text) ON COMMIT DROP");
    if (spec_.query.empty()) {
      map_by_uuid();
    } else {
      map_by_query();
    }
    connection_.execute("DELETE FROM pg_temp.rekey WHERE old_key = new_key");
    connection_.execute("ANALYZE pg_temp.rekey");
    return static_cast<std::uint64_t>(
        connection_.query("SELECT count(*) FROM pg_temp.rekey").integer(0, 0));
  }

  void map_by_uuid() {
    std::string selected = fmt::format("{}::text", quote_identifier(spec_.column));
    for (const std::string& column : spec_.columns)
      selected += ", " + quote_identifier(column) + "::text";
    const auto rows =
        connection_.query(fmt::format("SELECT {} FROM {}", selected, spec_.table->name.sql()));
    std::set<std::string> keys;
    std::string data;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (rows.is_null(row, 0)) continue;
      std::string name;
      for (std::size_t i = 1; i <= spec_.columns.size(); ++i) {
        if (i > 1) name.push_back('\x1f');
        name += rows.text(row, i);
      }
      const std::string key = uuid5(spec_.name_space, name);
      if (!keys.insert(key).second) {
        throw Error(ErrorCode::step,
                    fmt::format("two rows of {} would get one key", spec_.table->name.display()))
            .detail(fmt::format("they agree in {}", fmt::join(spec_.columns, ", ")))
            .hint("name more columns in \"columns\", so that each row's are its own");
      }
      postgres::append_copy_field(data, rows.text(row, 0));
      data += "\t" + key + "\n";
    }
    connection_.copy_in("COPY pg_temp.rekey FROM STDIN", [&data](std::string& out) {
      out = std::move(data);
      return false;
    });
  }

  // Rows that the query leaves out keep their key.
  void map_by_query() {
    try {
      connection_.execute(fmt::format(
          "INSERT INTO pg_temp.rekey (old_key, new_key) SELECT q.o::text, q.n::{}::text FROM ({}) "
          "q (o, n) WHERE q.o IS NOT NULL",
          key_type(), spec_.query));
    } catch (const Error& error) {
      throw Error(error)
          .at(spec_.query_place)
          .hint("the query gives two columns: each old key once, and its new key");
    }
    const auto clash = connection_.query(fmt::format(
        "SELECT k, count(*) FROM (SELECT coalesce(m.new_key, c.{0}::text) AS k FROM {1} c LEFT "
        "JOIN "
        "pg_temp.rekey m ON m.old_key = c.{0}::text) x WHERE k IS NOT NULL GROUP BY k HAVING "
        "count(*) > 1 ORDER BY 1 LIMIT 1",
        quote_identifier(spec_.column), spec_.table->name.sql()));
    const auto none = connection_.query("SELECT count(*) FROM pg_temp.rekey WHERE new_key IS NULL");
    if (clash.empty() && none.integer(0, 0) == 0) return;
    throw Error(ErrorCode::step,
                clash.empty()
                    ? fmt::format("the query gives no new key for {} rows", none.integer(0, 0))
                    : fmt::format("{} rows of {} would get the key {}", clash.get(0, 1),
                                  spec_.table->name.display(), clash.get(0, 0)))
        .at(spec_.query_place)
        .hint("every row needs a key of its own");
  }

  // Where new keys are old ones of other rows, an update meets both at once: unique keys on the
  // column are dropped and made again.
  void drop_unique_keys() {
    const bool overlaps = connection_
                              .query(
                                  "SELECT EXISTS (SELECT FROM pg_temp.rekey a JOIN pg_temp.rekey "
                                  "b ON a.new_key = b.old_key)")
                              .boolean(0, 0);
    if (!overlaps) return;
    for (const catalog::UniqueKey& key : spec_.table->unique_keys) {
      if (std::find(key.depends_on.begin(), key.depends_on.end(), spec_.column) ==
          key.depends_on.end()) {
        continue;
      }
      const auto row = connection_.query(
          "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1 AND conrelid = "
          "$2::oid",
          {key.name, std::to_string(spec_.table->oid)});
      if (row.empty()) continue;  // an index alone: the update itself will tell
      const std::string on = fmt::format("ALTER TABLE {} ", spec_.table->name.sql());
      const std::string name = quote_identifier(key.name);
      connection_.execute(fmt::format("{}DROP CONSTRAINT {}", on, name));
      restore_.insert(restore_.begin(),
                      fmt::format("{}ADD CONSTRAINT {} {}", on, name, row.text(0, 0)));
    }
  }

  // A hash over (key, number of links); old keys count as their new ones.
  std::string links(const Reference& reference, bool map_old) {
    const std::string where = reference.where.empty() ? "true" : reference.where;
    const auto row = connection_.query(fmt::format(
        "SELECT count(*), md5(string_agg(k || ':' || n, ',' ORDER BY k COLLATE \"C\")) FROM "
        "(SELECT COALESCE({1}, {0}) AS k, count(*) AS n FROM {2} c "
        "LEFT JOIN pg_temp.rekey m ON m.old_key = {0} WHERE {0} IS NOT NULL AND ({3}) GROUP BY 1) "
        "l",
        reference.read, map_old ? "m.new_key" : "NULL::text", reference.table->name.sql(), where));
    return row.get(0, 0) + "/" + row.get(0, 1);
  }

  void drop_foreign_keys() {
    for (const catalog::ForeignKey* key : foreign_keys_) {
      const auto row = connection_.query(
          "SELECT pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') "
          "FROM pg_constraint WHERE conname = $1 AND conrelid = $2::oid",
          {key->name, std::to_string(key->relation_oid)});
      const std::string on = fmt::format("ALTER TABLE {} ", key->relation);
      const std::string name = quote_identifier(key->name);
      connection_.execute(fmt::format("{}DROP CONSTRAINT {}", on, name));
      restore_.push_back(fmt::format("{}ADD CONSTRAINT {} {}", on, name, row.text(0, 0)));
      if (!row.is_null(0, 1)) {
        restore_.push_back(fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", name, key->relation,
                                       quote_literal(row.text(0, 1))));
      }
    }
  }

  void restore_foreign_keys() {
    // ALTER TABLE refuses tables with deferred checks still to come.
    connection_.execute("SET CONSTRAINTS ALL IMMEDIATE");
    for (const std::string& statement : restore_) connection_.execute(statement);
  }

  void rewrite_keys() {
    const std::string column = quote_identifier(spec_.column);
    connection_.execute(fmt::format(
        "UPDATE {} c SET {} = m.new_key::{} FROM pg_temp.rekey m WHERE c.{}::text = m.old_key",
        spec_.table->name.sql(), column, key_type(), column));
  }

  std::uint64_t rewrite(const Reference& reference) {
    const std::string where =
        reference.where.empty() ? std::string() : fmt::format(" AND ({})", reference.where);
    return connection_
        .execute(fmt::format("UPDATE {} c SET {} FROM pg_temp.rekey m WHERE {} = m.old_key{}",
                             reference.table->name.sql(), reference.write, reference.read, where))
        .affected_rows();
  }

  postgres::Connection& connection_;
  const Schema& schema_;
  RekeySpec spec_;
  std::vector<Reference> references_;
  std::set<const catalog::ForeignKey*> foreign_keys_;
  std::vector<std::string> restore_;
};

}  // namespace

RekeyReport run_rekey(postgres::Connection& connection, const std::filesystem::path& file) {
  QualifiedNamesOnly names(connection);
  const Schema schema = catalog::load_schema(connection);
  const RekeyReport report = Rekey(connection, schema, SpecReader(schema, file).read()).run();
  names.end();
  return report;
}

}  // namespace pgcycle::migrate
