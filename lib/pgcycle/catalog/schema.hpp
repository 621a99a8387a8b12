// The one model of a database's schema that every stage works from.
//
// Read from the catalogue in a handful of queries (see sql/), never from a list
// that somebody maintains. Holds the user's tables (partitioned ones as their
// parent, inherited ones each for itself), types, keys, sequences and
// materialised views; leaves out what an extension owns, pgcycle's own schema
// and PostgreSQL's.
//
// Thread rule: immutable after loading; may be read from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::catalog {

using postgres::QualifiedName;
using Oid = std::uint32_t;

// How a value of a type stands in JSON (docs/fixture-format.md).
enum class JsonForm { boolean, number, floating, json, jsonb, array, text };

enum class TypeKind { base, domain, composite, enumeration, range, multirange, array, pseudo };

struct CompositeField {
  std::string name;
  Oid type = 0;
};

struct Type {
  Oid oid = 0;
  QualifiedName name;
  TypeKind kind = TypeKind::base;
  char category = 'X';                 // pg_type.typcategory; of a domain, its base's
  Oid base = 0;                        // domain: what it is over
  Oid element = 0;                     // array: element type; range: subtype
  char delimiter = ',';                // array: between elements
  std::vector<std::string> labels;     // enumeration: in order
  std::vector<CompositeField> fields;  // composite: in order
  JsonForm form = JsonForm::text;
};

enum class Identity { none, always, by_default };

struct Column {
  std::string name;
  Oid type = 0;
  std::string type_sql;  // with its modifier: "numeric(10,2)"
  bool not_null = false;
  bool generated = false;  // GENERATED ALWAYS AS … STORED or VIRTUAL
  Identity identity = Identity::none;
  std::string default_sql;  // empty: none
  std::string comment;
};

// A primary key, unique constraint or unique index.
struct UniqueKey {
  std::string name;
  std::vector<std::string> columns;  // empty where an expression is part of it
  std::string definition;
  bool primary = false;
  bool partial = false;
  bool deferrable = false;
  std::vector<std::string> depends_on;  // every column that is part of it in any way
};

struct ExclusionConstraint {
  std::string name;
  std::vector<std::string> depends_on;
};

struct CheckConstraint {
  std::string name;
  std::string definition;
};

struct ForeignKey {
  std::string name;
  QualifiedName table;  // of a partition's own key, and of one that refers to one: the whole table
  std::vector<std::string> columns;
  QualifiedName referenced_table;
  std::vector<std::string> referenced_columns;
  bool deferrable = false;
  bool match_full = false;
  bool validated = true;
  Oid relation_oid = 0;                // that it is declared on: the table or a partition
  std::string relation;                // the same, as SQL
  std::string rows;                    // of it, as FROM names them
  std::string referenced_rows;         // likewise
  std::vector<std::string> operators;  // referenced = referencing, as SQL, by column

  bool self_reference() const { return table == referenced_table; }
};

struct Table {
  QualifiedName name;
  Oid oid = 0;
  bool partitioned = false;
  std::vector<QualifiedName> inherits;  // parents by plain inheritance
  bool row_security = false;
  bool has_user_triggers = false;
  bool has_unvalidated_checks = false;  // of its own or of a partition
  double estimated_rows = 0;            // pg_class.reltuples; < 0: never counted
  std::vector<Column> columns;
  std::vector<UniqueKey> unique_keys;
  std::vector<CheckConstraint> checks;
  std::vector<ExclusionConstraint> exclusions;

  // As FROM names its own rows: with ONLY, but for the parent of partitions.
  std::string from_sql() const { return (partitioned ? "" : "ONLY ") + name.sql(); }
  const Column* find_column(std::string_view column) const;
  // Throws Error{input} at `place`, naming the nearest column.
  const Column& require_column(std::string_view column, const Location& place) const;
  // The primary key's columns in key order; empty when there is none.
  std::vector<std::string> primary_key() const;
  // Tells whether a unique key depends on the column, alone or with others.
  bool has_unique_key_on(const std::string& column) const;
  // The columns that fixtures hold: all but generated ones, in table order.
  std::vector<const Column*> stored_columns() const;
};

struct SequenceUse {
  QualifiedName table;
  std::string column;
};

struct Sequence {
  Oid oid = 0;
  QualifiedName name;
  std::int64_t start = 1;
  std::int64_t increment = 1;
  std::int64_t minimum = 1;
  std::int64_t maximum = 0;
  bool may_alter = false;  // the session's role has its owner's rights
  bool unlogged = false;
  // Columns that own it, have it as identity, or name it in their default.
  std::vector<SequenceUse> uses;
};

struct Schema {
  std::vector<Table> tables;                      // by name
  std::vector<ForeignKey> foreign_keys;           // by table, then name
  std::vector<Sequence> sequences;                // by name
  std::vector<QualifiedName> materialized_views;  // what one depends on comes before it
  std::map<Oid, Type> types;
  std::string database;
  int server_version = 0;

  const Table* find_table(const QualifiedName& name) const;
  const Type& type(Oid oid) const;
  // The type itself, or what a domain is over in the end.
  const Type& base_type(Oid oid) const;
  std::vector<const ForeignKey*> foreign_keys_of(const QualifiedName& table) const;
  std::vector<const ForeignKey*> foreign_keys_to(const QualifiedName& table) const;
  // Throws Error{input} naming the nearest table.
  const Table& require_table(const QualifiedName& name) const;
};

// What is read of the catalogue.
enum class SchemaDetail {
  all,
  without_constraints,  // no unique keys (nor primary ones), checks and exclusions
};

// Reads the catalogue inside the transaction that `connection` is in.
Schema load_schema(postgres::Connection& connection, SchemaDetail detail = SchemaDetail::all);

// The same in steps, so that the answers can be taken down: what is asked, and the schema that
// the server's answers tell of, in that order.
std::vector<std::string> schema_queries(SchemaDetail detail);
Schema schema_of(const std::vector<postgres::Result>& answers, std::string database,
                 int server_version);

// SHA-256 in hex over what fixtures depend on: tables, columns, types, keys.
// The same for the same schema on every server version and machine.
std::string fingerprint(const Schema& schema);

}  // namespace pgcycle::catalog
