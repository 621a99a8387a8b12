#include "pgcycle/migrate/dependents.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/sql_lexer.hpp"
#include "pgcycle/postgres/statement_traits.hpp"
#include "pgcycle/postgres/token_cursor.hpp"

namespace pgcycle::migrate {

namespace {

// What depends on the object by another way than being a part of it, over as many steps as it
// takes; rules stand for their views.
constexpr const char* kDependents = R"(
WITH RECURSIVE start AS (
  SELECT $1::oid AS classid, $2::oid AS objid, $3::integer AS objsubid
), found AS (
  SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d JOIN start s
    ON d.refclassid = s.classid AND d.refobjid = s.objid
    AND (s.objsubid = 0 OR d.refobjsubid = s.objsubid)
    AND (d.classid, d.objid) <> (s.classid, s.objid)
  UNION
  SELECT d.classid, d.objid, d.objsubid FROM found f
    LEFT JOIN pg_catalog.pg_rewrite r ON f.classid = 'pg_rewrite'::regclass AND r.oid = f.objid
    JOIN pg_catalog.pg_depend d
    ON d.refclassid = CASE WHEN r.oid IS NULL THEN f.classid ELSE 'pg_class'::regclass END
    AND d.refobjid = coalesce(r.ev_class, f.objid) AND d.deptype = 'n'
)
SELECT DISTINCT CASE WHEN r.oid IS NULL
    THEN pg_catalog.pg_describe_object(f.classid, f.objid, 0)
    ELSE pg_catalog.pg_describe_object('pg_class'::regclass, r.ev_class, 0) END AS what
FROM found f
LEFT JOIN pg_catalog.pg_rewrite r ON f.classid = 'pg_rewrite'::regclass AND r.oid = f.objid
LEFT JOIN pg_catalog.pg_constraint c ON f.classid = 'pg_constraint'::regclass AND c.oid = f.objid
WHERE (r.oid IS NOT NULL AND r.ev_class <> $2::oid)
   OR (c.oid IS NOT NULL AND c.conrelid <> $2::oid)
   OR f.classid = 'pg_proc'::regclass OR f.classid = 'pg_policy'::regclass
   OR (f.classid = 'pg_class'::regclass AND f.objid IN
       (SELECT oid FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'f', 'm', 'v'))
       AND f.objid <> $2::oid)
ORDER BY what
)";

constexpr std::size_t kMostTokens = 200;  // of one statement: a long list of columns

class DropReader {
 public:
  DropReader(postgres::Connection& connection, const postgres::SqlStatement& statement)
      : connection_(connection), statement_(statement), words_(statement.text, kMostTokens) {}

  std::vector<DroppedObject> read() {
    if (words_.take("drop")) {
      if (words_.is("table") || words_.is("view") || words_.is("sequence") || words_.is("index")) {
        words_.advance();
        drop_relations();
      } else if (words_.take("materialized")) {
        words_.take("view");
        drop_relations();
      } else if (words_.is("type") || words_.is("domain")) {
        words_.advance();
        drop_types();
      }
    } else if (words_.take("alter") && words_.take("table")) {
      drop_columns();
    }
    return std::move(out_);
  }

 private:
  void drop_relations() {
    words_.take("concurrently");
    words_.take_if_exists();
    do {
      const std::string sql = words_.take_name();
      if (sql.empty()) return;
      look("pg_class", "SELECT pg_catalog.to_regclass($1)::oid, 0", {sql});
    } while (words_.take(","));
  }

  void drop_types() {
    words_.take_if_exists();
    do {
      const std::string sql = words_.take_name();
      if (sql.empty()) return;
      look("pg_type", "SELECT pg_catalog.to_regtype($1)::oid, 0", {sql});
    } while (words_.take(","));
  }

  void drop_columns() {
    words_.take_if_exists();
    words_.take("only");
    const std::string table = words_.take_name();
    for (; !words_.at_end(); words_.advance()) {
      if (!words_.take("drop")) continue;
      const bool says_column = words_.take("column");
      words_.take_if_exists();
      if (!says_column && (words_.is("constraint") || words_.is("not") || words_.is("default") ||
                           words_.is("identity") || words_.is("expression"))) {
        continue;
      }
      if (words_.at_end() || !(*words_).is_name()) continue;
      look("pg_class",
           "SELECT attrelid, attnum FROM pg_catalog.pg_attribute WHERE attrelid = "
           "pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped",
           {table, (*words_).text});
    }
  }

  void look(const std::string& catalog, const std::string& find, const postgres::Parameters& name) {
    const auto object = connection_.query(find, name);
    if (object.empty() || object.is_null(0, 0)) return;
    const auto rows =
        connection_.query(fmt::format("SELECT 'pg_catalog.{}'::regclass::oid", catalog));
    const postgres::Parameters parameters{rows.get(0, 0), object.get(0, 0), object.get(0, 1)};
    const auto dependents = connection_.query(kDependents, parameters);
    if (dependents.empty()) return;
    DroppedObject dropped;
    dropped.object =
        connection_
            .query("SELECT pg_catalog.pg_describe_object($1::oid, $2::oid, $3::integer)",
                   parameters)
            .get(0, 0);
    dropped.cascade = words_.contains("cascade");
    dropped.place = statement_.place;
    for (std::size_t i = 0; i < dependents.size(); ++i) {
      dropped.dependents.push_back(dependents.get(i, 0));
    }
    out_.push_back(std::move(dropped));
  }

  postgres::Connection& connection_;
  const postgres::SqlStatement& statement_;
  postgres::TokenCursor words_;
  std::vector<DroppedObject> out_;
};

}  // namespace

std::vector<DroppedObject> dropped_with_dependents(postgres::Connection& connection,
                                                   const Step& step) {
  std::vector<DroppedObject> out;
  const std::string sql = read_up(step);
  postgres::SqlReader reader(sql, step.file.string());
  while (const auto statement = reader.next()) {
    if (!postgres::traits_of(statement->text).may_drop) continue;
    for (DroppedObject& dropped : DropReader(connection, *statement).read()) {
      out.push_back(std::move(dropped));
    }
  }
  return out;
}

std::string describe_drop(const DroppedObject& dropped) {
  return fmt::format("drops {}, {}: {}", dropped.object,
                     dropped.cascade ? "and with it" : "on which depend",
                     fmt::join(dropped.dependents, ", "));
}

}  // namespace pgcycle::migrate
