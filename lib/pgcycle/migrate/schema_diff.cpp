#include "pgcycle/migrate/schema_diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"

namespace pgcycle::migrate {

namespace {

using catalog::Inventory;
using catalog::InventoryDetail;

std::string change_line(const catalog::ObjectChange& change) {
  std::string out = catalog::to_string(change);
  for (const catalog::PropertyChange& one : change.properties) {
    out += fmt::format("\n  {}: {} -> {}", one.property, one.from, one.to);
  }
  return out;
}

// "public.users.name=full_name" as the statement that does it.
std::string rename_statement(const std::string& rename) {
  const std::size_t equals = rename.find('=');
  if (equals == std::string::npos || equals + 1 == rename.size()) {
    throw Error(ErrorCode::usage, fmt::format("cannot read --rename {}", rename))
        .hint("write schema.table=new_name or schema.table.column=new_name");
  }
  const std::vector<std::string> parts = postgres::split_name(rename.substr(0, equals));
  // The new name may be written in full.
  const std::vector<std::string> target = postgres::split_name(rename.substr(equals + 1));
  const std::string name = postgres::quote_identifier(target.back());
  if (parts.size() == 3) {
    return fmt::format("ALTER TABLE {}.{} RENAME COLUMN {} TO {}",
                       postgres::quote_identifier(parts[0]), postgres::quote_identifier(parts[1]),
                       postgres::quote_identifier(parts[2]), name);
  }
  const std::string schema = parts.size() == 2 ? parts[0] : "public";
  return fmt::format("ALTER TABLE {}.{} RENAME TO {}", postgres::quote_identifier(schema),
                     postgres::quote_identifier(parts.back()), name);
}

class Diff {
 public:
  explicit Diff(const DiffRequest& request)
      : request_(request), from_(request.from, request.context), to_(request.to, request.context) {}

  DiffReport run() {
    std::vector<std::string> renames;
    for (const std::string& rename : request_.renames) renames.push_back(rename_statement(rename));
    auto reading = std::async(std::launch::async, [this] { return read(to_); });
    const Inventory from = renames.empty() ? read(from_) : renamed(renames);
    const Inventory to = reading.get();
    DiffReport report;
    report.changes = catalog::compare(from, to);
    report.guesses = catalog::guess_renames(from, to, report.changes);
    if (request_.rows || request_.samples > 0) report.rows = compare_rows();
    if (request_.sql) write_sql(from, to, renames, report);
    return report;
  }

 private:
  Inventory read(const SchemaSource& source) const {
    auto connection = source.open();
    return load_inventory(connection, request_.sql ? InventoryDetail::with_dependencies
                                                   : InventoryDetail::objects_only);
  }

  Inventory renamed(const std::vector<std::string>& statements) {
    auto connection = server::open_target(from_.copy(), request_.context.reporter);
    for (const std::string& statement : statements) {
      try {
        connection.execute(statement);
      } catch (const Error& error) {
        throw Error(ErrorCode::usage, fmt::format("cannot rename: {}", error.message()))
            .detail(statement)
            .hint("the name on the left is one of the first schema");
      }
    }
    return load_inventory(connection, InventoryDetail::with_dependencies);
  }

  void write_sql(const Inventory& from, const Inventory& to,
                 const std::vector<std::string>& renames, DiffReport& report) {
    const catalog::MigrationSql sql = catalog::migration_sql(from, to);
    report.not_written = sql.not_written;
    if (sql.needs_own_transactions) report.sql += "-- pgcycle: no-transaction\n";
    for (const std::string& statement : renames) report.sql += statement + ";\n";
    for (const std::string& statement : sql.statements) report.sql += statement + ";\n";
    try {
      prove(report, renames.size());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::check) throw;
      report.unproven = error;
      report.sql.insert(0, "-- not proven: see what pgcycle-migrate diff says\n");
    }
  }

  void prove(const DiffReport& report, std::size_t renames) {
    const server::Target& copy = from_.copy();
    {
      auto connection = server::open_target(copy, request_.context.reporter);
      const postgres::SqlFile file = postgres::split_sql(report.sql, "the migration");
      for (std::size_t i = renames; i < file.statements.size(); ++i) {
        try {
          connection.execute(file.statements[i].text);
        } catch (const Error& error) {
          throw Error(ErrorCode::check, fmt::format("the migration fails on a copy of {}: {}",
                                                    from_.text(), error.message()))
              .detail(fmt::format("in: {}\n{}", file.statements[i].text, error.detail()))
              .sqlstate(error.sqlstate())
              .hint("write this part by hand, or give the renames with --rename");
        }
      }
      connection.execute("RESET ALL");
      auto wanted = to_.open();
      std::vector<catalog::ObjectChange> left =
          catalog::compare(catalog::load_inventory(connection), catalog::load_inventory(wanted));
      for (catalog::ObjectChange& change : left) {
        std::erase_if(change.properties,
                      [](const catalog::PropertyChange& one) { return one.property == "order"; });
      }
      std::erase_if(left, [](const catalog::ObjectChange& change) {
        return change.kind == catalog::ObjectChange::Kind::changed && change.properties.empty();
      });
      std::string detail;
      for (const catalog::ObjectChange& change : left) detail += change_line(change) + "\n";
      if (!left.empty()) fail(detail);
    }
    const auto ours = schema_dump_lines(copy, request_.context);
    const auto theirs = schema_dump_lines(to_.target(), request_.context);
    std::string detail;
    const auto add = [&](const std::multiset<std::string>& one,
                         const std::multiset<std::string>& other, char sign) {
      std::vector<std::string> only;
      std::set_difference(one.begin(), one.end(), other.begin(), other.end(),
                          std::back_inserter(only));
      for (const std::string& line : only) detail += fmt::format("{} {}\n", sign, line);
    };
    add(ours, theirs, '-');
    add(theirs, ours, '+');
    if (!detail.empty()) fail(detail);
  }

  [[noreturn]] void fail(const std::string& detail) const {
    throw Error(ErrorCode::check,
                fmt::format("the migration does not make {} of {}", to_.text(), from_.text()))
        .detail("what is left:\n" + detail)
        .hint("add these by hand");
  }

  // --- rows ---

  std::vector<TableRows> compare_rows() {
    auto from = from_.open();
    auto to = to_.open();
    const postgres::Transaction reading_from(from, postgres::Transaction::Mode::snapshot);
    const postgres::Transaction reading_to(to, postgres::Transaction::Mode::snapshot);
    const catalog::Schema a = catalog::load_schema(from);
    const catalog::Schema b = catalog::load_schema(to);
    std::vector<TableRows> out;
    for (const catalog::Table& table : a.tables) {
      const catalog::Table* other = b.find_table(table.name);
      if (other == nullptr) continue;
      TableRows rows;
      rows.table = table.name.display();
      const std::string count = "SELECT count(*) FROM " + table.from_sql();
      rows.from = from.query(count).integer(0, 0);
      rows.to = to.query("SELECT count(*) FROM " + other->from_sql()).integer(0, 0);
      if (request_.samples > 0) sample(from, to, table, *other, rows);
      const bool same =
          rows.from == rows.to && rows.only_in_from.empty() && rows.only_in_to.empty();
      if (!same) out.push_back(std::move(rows));
    }
    return out;
  }

  // The rows of both in the order of their keys' text, taken side by side.
  void sample(postgres::Connection& from, postgres::Connection& to, const catalog::Table& table,
              const catalog::Table& other, TableRows& rows) const {
    std::vector<std::string> key = table.primary_key();
    if (key != other.primary_key()) return;
    std::string expression;
    for (const std::string& column : key) {
      expression += (expression.empty() ? "" : ", ") + postgres::quote_identifier(column);
    }
    if (key.empty()) {  // whole rows, but for columns that one side alone has
      for (const catalog::Column& column : table.columns) {
        if (other.find_column(column.name) == nullptr) continue;
        expression +=
            (expression.empty() ? "t." : ", t.") + postgres::quote_identifier(column.name);
      }
      expression = fmt::format("ROW({})::text", expression);
    } else {
      expression = fmt::format("jsonb_build_array({})::text", expression);
    }
    const auto declare = [&](postgres::Connection& connection, const catalog::Table& one) {
      connection.execute(
          fmt::format("DECLARE pgcycle_keys NO SCROLL CURSOR FOR SELECT {0} AS k FROM {1} t ORDER "
                      "BY {0} COLLATE "
                      "\"C\"",
                      expression, one.from_sql()));
    };
    declare(from, table);
    declare(to, other);
    Keys left(from);
    Keys right(to);
    while ((left.has() || right.has()) &&
           rows.only_in_from.size() + rows.only_in_to.size() < 2 * request_.samples) {
      if (left.has() && right.has() && left.key() == right.key()) {
        left.next();
        right.next();
      } else if (left.has() && (!right.has() || left.key() < right.key())) {
        if (rows.only_in_from.size() < request_.samples) rows.only_in_from.push_back(left.key());
        left.next();
      } else {
        if (rows.only_in_to.size() < request_.samples) rows.only_in_to.push_back(right.key());
        right.next();
      }
    }
    from.execute("CLOSE pgcycle_keys");
    to.execute("CLOSE pgcycle_keys");
  }

  class Keys {
   public:
    explicit Keys(postgres::Connection& connection) : connection_(connection) { fetch(); }
    bool has() const { return at_ < block_->size(); }
    std::string key() const { return block_->get(at_, 0); }
    void next() {
      if (++at_ == block_->size()) fetch();
    }

   private:
    void fetch() {
      block_ = connection_.query("FETCH 10000 FROM pgcycle_keys");
      at_ = 0;
    }
    postgres::Connection& connection_;
    std::optional<postgres::Result> block_;
    std::size_t at_ = 0;
  };

  const DiffRequest& request_;
  SchemaSource from_;
  SchemaSource to_;
};

}  // namespace

DiffReport diff(const DiffRequest& request) { return Diff(request).run(); }

}  // namespace pgcycle::migrate
