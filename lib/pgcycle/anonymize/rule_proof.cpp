#include "pgcycle/anonymize/rule_proof.hpp"

#include <fmt/format.h>

#include "pgcycle/postgres/copy_text.hpp"

namespace pgcycle::anonymize {

using catalog::Column;
using catalog::Table;

namespace {

constexpr int kRows = 25;  // of each table

class RuleProof {
 public:
  RuleProof(postgres::Connection& connection, const Table& table, const AnonymizationPlan& plan)
      : connection_(connection), table_(table), plan_(plan) {}

  void run() {
    std::string columns;
    for (const Column* column : table_.stored_columns()) {
      const ColumnPlan& rule = plan_.column(table_.name, column->name);
      masked_ = masked_ || rule.mask || !rule.sql.empty();
      columns += (columns.empty() ? "" : ", ") + (rule.sql.empty()
                                                      ? postgres::quote_identifier(column->name)
                                                      : fmt::format("({})", rule.sql));
    }
    if (!masked_) return;
    connection_.copy_out(fmt::format("COPY (SELECT {} FROM {} LIMIT {}) TO STDOUT", columns,
                                     table_.from_sql(), kRows),
                         [this](std::string_view block) {
                           postgres::for_each_copy_row(block, [this](std::string_view row) {
                             fields_.parse(row);
                             rows_.push_back(masked_row());
                           });
                         });
    for (const postgres::Parameters& row : rows_) prove(row);
  }

 private:
  postgres::Parameters masked_row() {
    postgres::Parameters row;
    const auto columns = table_.stored_columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      row.emplace_back();
      if (!fields_[i]) continue;
      const ColumnPlan& rule = plan_.column(table_.name, columns[i]->name);
      row.back() = rule.mask ? rule.mask(*fields_[i], {fields_.values(), nullptr})
                             : std::optional<std::string>(*fields_[i]);
      if (rule.mask && !row.back() && columns[i]->not_null) {
        throw Error(ErrorCode::config, fmt::format("{} is NOT NULL, but its rule \"{}\" gives NULL",
                                                   name_of(*columns[i]), rule.rule))
            .hint("use another generator");
      }
    }
    return row;
  }

  std::string name_of(const Column& column) const {
    return table_.name.display() + "." + postgres::display_identifier(column.name);
  }

  // One row of the columns' types, with every check of the table as a column.
  void prove(const postgres::Parameters& row) {
    const auto columns = table_.stored_columns();
    std::string values;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      values += fmt::format("{}${}::{} AS {}", i == 0 ? "" : ", ", i + 1, columns[i]->type_sql,
                            postgres::quote_identifier(columns[i]->name));
    }
    std::string checks;
    for (const catalog::CheckConstraint& check : table_.checks) {
      // "CHECK ((a > 0)) NOT VALID": what is between the outermost parentheses
      const std::size_t open = check.definition.find('(');
      const std::size_t close = check.definition.rfind(')');
      if (open == std::string::npos || close <= open || has_generated_columns()) continue;
      checks +=
          fmt::format(", ({}) IS NOT FALSE", check.definition.substr(open + 1, close - open - 1));
    }
    const std::string alias = postgres::quote_identifier(table_.name.name);
    postgres::Result result = [&] {
      try {
        return connection_.query(
            fmt::format("SELECT true{} FROM (SELECT {}) AS {}", checks, values, alias), row);
      } catch (const Error& error) {
        throw refused(error);
      }
    }();
    for (std::size_t i = 1; i < result.columns(); ++i) {
      if (result.boolean(0, i)) continue;
      const catalog::CheckConstraint& check = table_.checks[i - 1];
      throw Error(
          ErrorCode::config,
          fmt::format("what the rules make of {} breaks a CHECK constraint", table_.name.display()))
          .constraint(check.name)
          .detail(fmt::format("{}: {}", postgres::display_identifier(check.name), check.definition))
          .hint("give the columns that it checks a generator that keeps their form, or \"keep\"");
    }
  }

  bool has_generated_columns() const {
    for (const Column& column : table_.columns) {
      if (column.generated) return true;
    }
    return false;
  }

  // The server's message may quote a value, so only the names in it are passed on.
  Error refused(const Error& error) const {
    std::string rules;
    for (const Column* column : table_.stored_columns()) {
      const ColumnPlan& rule = plan_.column(table_.name, column->name);
      if (!rule.mask && rule.sql.empty()) continue;
      rules += fmt::format("{}{}: {} ({})", rules.empty() ? "" : "\n", name_of(*column), rule.rule,
                           column->type_sql);
    }
    Error out(ErrorCode::config,
              fmt::format("the server refuses what the rules make of {}", table_.name.display()));
    out.detail(error.constraint().empty()
                   ? rules
                   : fmt::format("constraint {}\n{}", error.constraint(), rules));
    out.sqlstate(error.sqlstate());
    if (!error.constraint().empty()) out.constraint(error.constraint());
    if (error.sqlstate() == "22P05") {
      return out.hint(
          "the database's encoding lacks a character that one of these rules makes; "
          "pgcycle-extract --from-dump works in UTF-8");
    }
    return out.hint(
        "one of these rules gives values that its column's type or domain does not take");
  }

  postgres::Connection& connection_;
  const Table& table_;
  const AnonymizationPlan& plan_;
  bool masked_ = false;
  postgres::CopyTextRow fields_;
  std::vector<postgres::Parameters> rows_;
};

}  // namespace

void prove_rules(postgres::Connection& connection, const std::vector<const Table*>& tables,
                 const AnonymizationPlan& plan) {
  for (const Table* table : tables) RuleProof(connection, *table, plan).run();
}

}  // namespace pgcycle::anonymize
