#include "pgcycle/migrate/rekey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/load/user_triggers.hpp"
#include "pgcycle/migrate/data_step_file.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::migrate {

namespace {

using catalog::Column;
using catalog::Schema;
using catalog::Table;
using postgres::quote_identifier;
using postgres::quote_literal;
using Kind = JsonValue::Kind;

struct SoftReference {
  const Table* table = nullptr;
  std::string column;
  std::string where;
  std::vector<std::string> path;  // inside json; empty: the column itself
  Location place;
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

bool is_json(const Schema& schema, const SoftReference& soft) {
  const catalog::JsonForm form = schema.base_type(soft.table->find_column(soft.column)->type).form;
  return form == catalog::JsonForm::json || form == catalog::JsonForm::jsonb;
}

// Reads the file and holds it against the schema.
class SpecReader {
 public:
  SpecReader(const Schema& schema, const std::filesystem::path& file)
      : schema_(schema), file_(schema, file) {}

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
      require_room_for_uuid(spec, uuid.place);
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
    out.place = object.place;
    if (object.find("path") != nullptr) {
      for (const JsonValue& item : DataStepFile::get(object, "path", Kind::array).items) {
        out.path.push_back(item.text);
      }
      if (!is_json(schema_, out)) {
        throw Error(ErrorCode::input, fmt::format("{}.{} is not json: it has no \"path\"",
                                                  out.table->name.display(), out.column))
            .at(object.find("path")->place);
      }
    }
    return out;
  }

  void require_room_for_uuid(const RekeySpec& spec, const Location& place) const {
    const catalog::Column& column = *spec.table->find_column(spec.column);
    const catalog::Type& type = schema_.base_type(column.type);
    if (type.name.name == "uuid" || type.category == 'S') return;
    throw Error(ErrorCode::input,
                fmt::format("\"{}\" of {} is of type {}, which holds no uuid", spec.column,
                            spec.table->name.display(), column.type_sql))
        .at(place)
        .hint("give its keys with \"query\", or change the column's type first");
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

  const Schema& schema_;
  DataStepFile file_;
};

// A place that holds keys of the table, on alias c. What is compared to it is on alias m.
struct Reference {
  const Table* table = nullptr;
  std::string column;
  std::string read;          // the key as text
  std::string equal_before;  // between m's key and
  std::string equal_behind;  // the key there
  std::string write;         // "column = expression of m.new_key"
  std::string where;         // extra condition, or empty

  std::string label() const { return fmt::format("{}.{}", table->name.display(), column); }
  std::string equals(std::string_view key) const {
    return fmt::format("m.{}{}{}", key, equal_before, equal_behind);
  }
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
    lock({spec_.table}, "SHARE ROW EXCLUSIVE");  // no row comes in without its key
    report.keys = make_mapping();
    report.references = references_.size();
    if (report.keys == 0) return report;
    const bool swaps = keys_change_places();
    lock(altered_tables(swaps), "ACCESS EXCLUSIVE");
    std::vector<std::string> before;
    for (const Reference& reference : references_) before.push_back(links(reference, "old_key"));
    const catalog::Inventory definitions = definitions_of(altered_tables(swaps));
    const std::vector<std::string> undo = load::rest_user_triggers(
        connection_, touched_tables(), load::FiringTriggers::of_any_session);
    open_identities();
    drop_foreign_keys();
    if (swaps) drop_unique_keys();
    rewrite_keys();
    for (const Reference& reference : references_) report.links += rewrite(reference);
    for (const std::string& statement : undo) connection_.execute(statement);
    restore(definitions, swaps);
    move_sequences();
    for (std::size_t i = 0; i < references_.size(); ++i) {
      if (links(references_[i], "new_key") == before[i]) continue;
      throw Error(ErrorCode::check, fmt::format("the links of {} are not the same after the rekey",
                                                references_[i].label()))
          .hint("nothing was changed; check the soft reference's \"where\" and \"path\"");
    }
    return report;
  }

 private:
  using Place = std::pair<catalog::QualifiedName, std::string>;

  const Column& key_column() const { return *spec_.table->find_column(spec_.column); }
  // Without a length, which a cast would cut values to; assignment refuses them.
  std::string type_of(const Column& column) const {
    return schema_.base_type(column.type).name.sql();
  }

  // Every column that holds the key: those that reference it, those that
  // reference these (a log's key may hold the key of what it belongs to), …
  void follow_foreign_keys() {
    holding_.insert({spec_.table->name, spec_.column});
    std::vector<Place> open(holding_.begin(), holding_.end());
    while (!open.empty()) {
      const auto [table, column] = open.back();
      open.pop_back();
      for (const catalog::ForeignKey& key : schema_.foreign_keys) {
        if (key.referenced_table != table) continue;
        for (std::size_t i = 0; i < key.columns.size(); ++i) {
          if (key.referenced_columns[i] != column) continue;
          foreign_keys_.insert(&key);
          const Place place{key.table, key.columns[i]};
          if (!holding_.insert(place).second) continue;
          add_column(key, i);
          open.push_back(place);
        }
      }
    }
  }

  // Keys are the same where the foreign key says so: 1 and 1.0, or texts without regard to case.
  void add_column(const catalog::ForeignKey& key, std::size_t i) {
    const Column& referenced =
        *schema_.find_table(key.referenced_table)->find_column(key.referenced_columns[i]);
    const std::string name = quote_identifier(key.columns[i]);
    references_.push_back({schema_.find_table(key.table),
                           key.columns[i],
                           fmt::format("c.{}::text", name),
                           fmt::format("::{} {} ", type_of(referenced), key.operators[i]),
                           "c." + name,
                           name + " = m.new_key",
                           {}});
  }

  void add_soft_reference(const SoftReference& soft) {
    const std::string name = quote_identifier(soft.column);
    Reference reference{soft.table, soft.column, {}, "::text = ", {}, {}, soft.where};
    if (soft.path.empty()) {
      if (holding_.contains({soft.table->name, soft.column})) {
        throw Error(ErrorCode::input,
                    fmt::format("{} follows by itself: it is the key, or has a foreign key",
                                reference.label()))
            .at(soft.place)
            .hint("leave this soft reference out");
      }
      reference.read = fmt::format("c.{}::text", name);
      reference.write = fmt::format("{} = m.new_key::text::{}", name,
                                    type_of(*soft.table->find_column(soft.column)));
    } else {
      const std::string value = fmt::format("c.{}::jsonb", name);
      std::vector<std::string> steps;
      for (const std::string& step : soft.path) steps.push_back(quote_literal(step));
      const std::string path = fmt::format("ARRAY[{}]::text[]", fmt::join(steps, ", "));
      reference.read = fmt::format("(c.{} #>> {})", name, path);
      std::string key = "to_jsonb(m.new_key::text)";
      if (schema_.base_type(key_column().type).category == 'N') {
        key = fmt::format(
            "CASE jsonb_typeof({} #> {}) WHEN 'number' THEN m.new_key::text::jsonb ELSE {} END",
            value, path, key);
      }
      reference.write = fmt::format("{} = jsonb_set({}, {}, {})::{}", name, value, path, key,
                                    type_of(*soft.table->find_column(soft.column)));
    }
    reference.equal_behind = reference.read;
    references_.push_back(std::move(reference));
  }

  std::vector<const Table*> touched_tables() const {
    std::set<const Table*> tables{spec_.table};
    for (const Reference& reference : references_) tables.insert(reference.table);
    return {tables.begin(), tables.end()};
  }

  // Fills pg_temp.rekey with old and new keys; returns how many differ.
  std::uint64_t make_mapping() {
    connection_.execute(fmt::format(
        "CREATE TEMPORARY TABLE rekey (old_key {0} PRIMARY KEY, new_key {0}) ON COMMIT DROP",
        key_column().type_sql));
    if (spec_.query.empty()) {
      map_by_uuid();
    } else {
      map_by_query();
    }
    connection_.execute("DELETE FROM pg_temp.rekey WHERE old_key::text = new_key::text");
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
          "INSERT INTO pg_temp.rekey (old_key, new_key) SELECT q.o::text::{0}, q.n::{0} FROM ({1}) "
          "q (o, n) WHERE q.o IS NOT NULL",
          type_of(key_column()), spec_.query));
    } catch (const Error& error) {
      throw Error(error)
          .at(spec_.query_place)
          .hint("the query gives two columns: each old key once, and its new key");
    }
    const auto clash = connection_.query(fmt::format(
        "SELECT k, count(*) FROM (SELECT coalesce(m.new_key, c.{0}) AS k FROM {1} c LEFT JOIN "
        "pg_temp.rekey m ON m.old_key = c.{0}) x WHERE k IS NOT NULL GROUP BY k HAVING "
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

  // New keys are old ones of other rows, so that an update meets both at once.
  bool keys_change_places() {
    return connection_
        .query(
            "SELECT EXISTS (SELECT FROM pg_temp.rekey a JOIN pg_temp.rekey b ON a.new_key = "
            "b.old_key)")
        .boolean(0, 0);
  }

  // Unique keys and exclusions that hold the key, wherever it is.
  void drop_unique_keys() {
    std::set<Place> places = holding_;
    for (const Reference& reference : references_) {
      places.insert({reference.table->name, reference.column});
    }
    std::set<std::pair<const Table*, std::string>> in_the_way;
    const auto add = [&](const Table& table, const std::string& column, const auto& constraints) {
      for (const auto& constraint : constraints) {
        const auto& parts = constraint.depends_on;
        if (std::find(parts.begin(), parts.end(), column) != parts.end()) {
          in_the_way.insert({&table, constraint.name});
        }
      }
    };
    for (const auto& [name, column] : places) {
      const Table& table = *schema_.find_table(name);
      add(table, column, table.unique_keys);
      add(table, column, table.exclusions);
    }
    for (const auto& [table, name] : in_the_way) {
      const bool is_constraint =
          connection_
              .query(
                  "SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = $1 AND conrelid = "
                  "$2::oid)",
                  {name, std::to_string(table->oid)})
              .boolean(0, 0);
      connection_.execute(
          is_constraint ? fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table->name.sql(),
                                      quote_identifier(name))
                        : "DROP INDEX " + catalog::QualifiedName{table->name.schema, name}.sql());
    }
  }

  // An identity that is always generated takes no other value.
  void open_identities() {
    for (const auto& [name, column] : holding_) {
      const Table& table = *schema_.find_table(name);
      if (table.find_column(column)->identity != catalog::Identity::always) continue;
      connection_.execute(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET GENERATED BY DEFAULT",
                                      name.sql(), quote_identifier(column)));
    }
  }

  // A hash over (key, number of links), where `key` is what keys are now; they count as new ones.
  std::string links(const Reference& reference, std::string_view key) {
    const std::string where = reference.where.empty() ? "true" : reference.where;
    const auto row = connection_.query(fmt::format(
        "SELECT count(*), md5(string_agg(k || ':' || n, ',' ORDER BY k COLLATE \"C\")) FROM "
        "(SELECT COALESCE(m.new_key::text, {0}) AS k, count(*) AS n FROM {1} c "
        "LEFT JOIN pg_temp.rekey m ON {2} WHERE {0} IS NOT NULL AND ({3}) GROUP BY 1) l",
        reference.read, reference.table->name.sql(), reference.equals(key), where));
    return row.get(0, 0) + "/" + row.get(0, 1);
  }

  void drop_foreign_keys() {
    for (const catalog::ForeignKey* key : foreign_keys_) {
      connection_.execute(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", key->relation,
                                      quote_identifier(key->name)));
    }
  }

  using Tables = std::set<const Table*>;

  // Whose definitions change for the length of the rekey.
  Tables altered_tables(bool swaps) const {
    Tables out;
    for (const catalog::ForeignKey* key : foreign_keys_) {
      out.insert({schema_.find_table(key->table), schema_.find_table(key->referenced_table)});
    }
    for (const auto& [name, column] : holding_) {
      const Table* table = schema_.find_table(name);
      const bool opens = table->find_column(column)->identity == catalog::Identity::always;
      if (opens || swaps) out.insert(table);
    }
    for (const Reference& reference : references_) {
      if (swaps) out.insert(reference.table);
    }
    return out;
  }

  void lock(const Tables& tables, std::string_view mode) {
    std::vector<std::string> names;
    for (const Table* table : tables) names.push_back(table->name.sql());
    if (names.empty()) return;
    connection_.execute(fmt::format("LOCK TABLE {} IN {} MODE", fmt::join(names, ", "), mode));
  }

  // Of these tables, with their partitions, alone: what others make or grant meanwhile is theirs.
  catalog::Inventory definitions_of(const Tables& tables) {
    if (tables.empty()) return {};
    std::string oids;
    for (const Table* table : tables)
      oids += fmt::format("{}{}", oids.empty() ? "" : ",", table->oid);
    const postgres::Result found = connection_.query(fmt::format(
        "SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM unnest('{{{}}}'::oid[]) o "
        "CROSS JOIN LATERAL (SELECT o AS oid UNION SELECT relid FROM pg_partition_tree(o)) t "
        "JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace",
        oids));
    std::set<std::string> names;
    for (std::size_t i = 0; i < found.size(); ++i) names.insert(found.get(i, 0));
    catalog::Inventory out = catalog::load_inventory(connection_);
    std::erase_if(out.objects, [&names](const auto& entry) {
      return !names.contains(entry.first.name) && !names.contains(entry.second.parent);
    });
    for (auto& [key, object] : out.objects) object.properties.erase("grants");
    std::erase_if(out.needs,
                  [&out](const auto& entry) { return out.find(entry.first) == nullptr; });
    for (auto& [key, needs] : out.needs) {
      std::erase_if(needs,
                    [&out](const catalog::ObjectKey& need) { return out.find(need) == nullptr; });
    }
    return out;
  }

  // Makes what was dropped and altered as it was; foreign keys are checked by that.
  void restore(const catalog::Inventory& definitions, bool swaps) {
    // ALTER TABLE refuses tables with deferred checks still to come.
    connection_.execute("SET CONSTRAINTS ALL IMMEDIATE");
    const catalog::MigrationSql sql =
        catalog::migration_sql(definitions_of(altered_tables(swaps)), definitions);
    for (const std::string& statement : sql.statements) connection_.execute(statement);
    if (sql.not_written.empty()) return;
    throw Error(ErrorCode::check, "the rekey would leave other definitions behind")
        .detail(fmt::format("{}", fmt::join(sql.not_written, "\n")));
  }

  // Sequences never give a key that is there already.
  void move_sequences() {
    for (const catalog::Sequence& sequence : schema_.sequences) {
      const bool is_used =
          std::any_of(sequence.uses.begin(), sequence.uses.end(), [this](const auto& use) {
            return holding_.contains({use.table, use.column});
          });
      if (!is_used) continue;
      const postgres::Result found = connection_.query(load::place_of(sequence).sql);
      const load::SequencePlace place = load::read_place(connection_, sequence, found);
      const std::int64_t stands = found.integer(0, 1);
      const bool is_ahead = sequence.increment < 0 ? place.value < stands : place.value > stands;
      if (!place.called || !is_ahead) continue;
      for (const auto& statement : load::setting_of(sequence, place)) {
        connection_.execute(statement.sql);
      }
    }
  }

  void rewrite_keys() {
    const std::string column = quote_identifier(spec_.column);
    connection_.execute(
        fmt::format("UPDATE {0} c SET {1} = m.new_key FROM pg_temp.rekey m WHERE c.{1} = m.old_key",
                    spec_.table->name.sql(), column));
  }

  std::uint64_t rewrite(const Reference& reference) {
    const std::string where =
        reference.where.empty() ? std::string() : fmt::format(" AND ({})", reference.where);
    return connection_
        .execute(fmt::format("UPDATE {} c SET {} FROM pg_temp.rekey m WHERE {}{}",
                             reference.table->name.sql(), reference.write,
                             reference.equals("old_key"), where))
        .affected_rows();
  }

  postgres::Connection& connection_;
  const Schema& schema_;
  RekeySpec spec_;
  std::vector<Reference> references_;
  std::set<Place> holding_;  // the key, and columns that hold it by foreign keys
  std::set<const catalog::ForeignKey*> foreign_keys_;
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
