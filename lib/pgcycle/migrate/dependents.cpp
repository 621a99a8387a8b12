#include "pgcycle/migrate/dependents.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"
#include "pgcycle/postgres/statement_traits.hpp"

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

class DropReader {
 public:
  DropReader(postgres::Connection& connection, const postgres::SqlStatement& statement)
      : connection_(connection),
        statement_(statement),
        tokens_(postgres::tokens_of(statement.text, 200)) {}

  std::vector<DroppedObject> read() {
    if (take("drop")) {
      if (is("table") || is("view") || is("sequence") || is("index")) {
        ++at_;
        drop_relations();
      } else if (take("materialized")) {
        take("view");
        drop_relations();
      } else if (is("type") || is("domain")) {
        ++at_;
        drop_types();
      }
    } else if (take("alter") && take("table")) {
      drop_columns();
    }
    return std::move(out_);
  }

 private:
  bool is(std::string_view word) const { return at_ < tokens_.size() && tokens_[at_].is(word); }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    ++at_;
    return true;
  }
  void take_if_exists() {
    if (take("if")) take("exists");
  }
  std::string name() {
    std::string sql;
    while (at_ < tokens_.size() && tokens_[at_].is_name()) {
      sql += postgres::quote_identifier(tokens_[at_++].text);
      if (!take(".")) break;
      sql += ".";
    }
    return sql;
  }
  bool cascades() const {
    return std::any_of(tokens_.begin(), tokens_.end(),
                       [](const postgres::SqlToken& token) { return token.is("cascade"); });
  }

  void drop_relations() {
    take("concurrently");
    take_if_exists();
    do {
      const std::string sql = name();
      if (sql.empty()) return;
      look("pg_class", "SELECT pg_catalog.to_regclass($1)::oid, 0", {sql});
    } while (take(","));
  }

  void drop_types() {
    take_if_exists();
    do {
      const std::string sql = name();
      if (sql.empty()) return;
      look("pg_type", "SELECT pg_catalog.to_regtype($1)::oid, 0", {sql});
    } while (take(","));
  }

  void drop_columns() {
    take_if_exists();
    take("only");
    const std::string table = name();
    for (; at_ < tokens_.size(); ++at_) {
      if (!take("drop")) continue;
      const bool says_column = take("column");
      take_if_exists();
      if (!says_column &&
          (is("constraint") || is("not") || is("default") || is("identity") || is("expression"))) {
        continue;
      }
      if (at_ >= tokens_.size() || !tokens_[at_].is_name()) continue;
      look("pg_class",
           "SELECT attrelid, attnum FROM pg_catalog.pg_attribute WHERE attrelid = "
           "pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped",
           {table, tokens_[at_].text});
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
    dropped.cascade = cascades();
    dropped.place = statement_.place;
    for (std::size_t i = 0; i < dependents.size(); ++i) {
      dropped.dependents.push_back(dependents.get(i, 0));
    }
    out_.push_back(std::move(dropped));
  }

  postgres::Connection& connection_;
  const postgres::SqlStatement& statement_;
  std::vector<postgres::SqlToken> tokens_;
  std::size_t at_ = 0;
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
