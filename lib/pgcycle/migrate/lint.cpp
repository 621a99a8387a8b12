#include "pgcycle/migrate/lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "pgcycle/migrate/lint_allowances.hpp"
#include "pgcycle/migrate/lint_rules.hpp"
#include "pgcycle/migrate/sql_tree.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;

struct KnownColumn {
  std::string type;
  std::optional<int> length;
};

// What earlier files tell of the schema.
struct KnownSchema {
  std::map<std::pair<std::string, std::string>, KnownColumn> columns;
  std::set<std::string> views_with_options;
  std::map<std::string, std::vector<std::string>> indexed;  // table: first columns of its indexes
};

// The statements of one step, in their order.
class StepLint {
 public:
  StepLint(const Step& step, KnownSchema& known, std::set<std::string>& new_tables,
           const RehearsedStep* rehearsed, const std::string& today,
           std::vector<LintFinding>& findings)
      : step_(step),
        one_transaction_(!step.no_transaction),
        known_(known),
        new_tables_(new_tables),
        rehearsed_(rehearsed),
        findings_(findings),
        allowances_(today, findings) {}

  void run() {
    const std::string sql = read_up(step_);
    postgres::SqlReader reader(sql, step_.file.string());
    while (const auto statement = reader.next()) {
      if (statement->kind != postgres::SqlStatement::Kind::sql) continue;
      allowances_.begin_statement(statement->comments);
      place_ = statement->place;
      if (const auto tree = parse_sql(statement->text)) visit(*tree);
      allowances_.end_statement();
    }
    finish();
    allowances_.end_file();
  }

 private:
  void find(const char* rule_name, std::string message) {
    const LintRule* rule = find_lint_rule(rule_name);
    if (allowances_.allow(rule_name)) return;
    findings_.push_back(
        {rule_name, std::move(message), std::string(rule->instead), place_, rule->is_error});
  }

  // --- statements ---

  bool is_new(const std::string& table) const { return new_tables_.contains(table); }

  void visit(const Json& tree) {
    for (const auto& [kind, node] : tree.items()) {
      if (kind == "AlterTableStmt") {
        alter_table(node);
      } else if (kind == "DropStmt") {
        drop(node);
      } else if (kind == "RenameStmt") {
        rename(node);
      } else if (kind == "CreateStmt") {
        create_table(node);
      } else if (kind == "IndexStmt") {
        create_index(node);
      } else if (kind == "ViewStmt") {
        create_view(node);
      } else if (kind == "CreateFunctionStmt") {
        create_function(node);
      } else if (kind == "UpdateStmt" || kind == "DeleteStmt" || kind == "InsertStmt" ||
                 kind == "MergeStmt") {
        change_rows(kind, node);
      } else if (kind == "GrantStmt") {
        grant(node);
      } else if (kind == "AlterEnumStmt") {
        alter_enum(node);
      } else {
        others(kind, node);
      }
    }
    if (!new_labels_.empty()) look_for_new_labels(tree);
  }

  void others(const std::string& kind, const Json& node) {
    if (kind == "TruncateStmt") {
      for (const Json& relation : at(node, "relations")) {
        if (!is_new(relation_name(at(relation, "RangeVar")))) {
          find("truncate", "TRUNCATE " + relation_name(at(relation, "RangeVar")));
        }
      }
    } else if (kind == "DropdbStmt") {
      find("drop-database", "DROP DATABASE");
    } else if (kind == "LockStmt") {
      find("lock-table", "LOCK TABLE");
    } else if (kind == "AlterSystemStmt") {
      find("alter-system", "ALTER SYSTEM");
    } else if (kind == "ReindexStmt") {
      if (!has_option(at(node, "params"), "concurrently")) find("reindex", "REINDEX that blocks");
    } else if (kind == "ClusterStmt") {
      find("vacuum-full", "CLUSTER");
    } else if (kind == "VacuumStmt") {
      if (has_option(at(node, "options"), "full")) find("vacuum-full", "VACUUM FULL");
    } else if (kind == "RefreshMatViewStmt") {
      const std::string view = relation_name(at(node, "relation"));
      if (!flag(node, "concurrent") && !is_new(view)) {
        find("refresh-view", "REFRESH MATERIALIZED VIEW that blocks readers of " + view);
      }
    } else if (kind == "RuleStmt") {
      find("create-rule", "CREATE RULE");
    } else if (kind == "VariableSetStmt") {
      if (text(node, "name") == "session_replication_role") {
        find("replication-role", "session_replication_role is set");
      }
    } else if (kind == "AlterObjectSchemaStmt") {
      find("change-schema", "SET SCHEMA");
    } else if (kind == "CreateTableAsStmt") {
      new_tables_.insert(relation_name(at(at(node, "into"), "rel")));
    }
  }

  void drop(const Json& node) {
    const std::string type = text(node, "removeType");
    static const std::map<std::string, const char*> kRules{
        {"OBJECT_TABLE", "drop-table"},         {"OBJECT_SCHEMA", "drop-schema"},
        {"OBJECT_TYPE", "drop-type"},           {"OBJECT_DOMAIN", "drop-type"},
        {"OBJECT_VIEW", "drop-view"},           {"OBJECT_MATVIEW", "drop-view"},
        {"OBJECT_FUNCTION", "drop-function"},   {"OBJECT_PROCEDURE", "drop-function"},
        {"OBJECT_EXTENSION", "drop-extension"}, {"OBJECT_POLICY", "drop-policy"}};
    for (const Json& object : at(node, "objects")) {
      std::string name = list_name(at(at(object, "List"), "items"));
      if (name.empty()) name = list_name(at(at(object, "TypeName"), "names"));
      if (name.empty()) name = list_name(at(at(object, "ObjectWithArgs"), "objname"));
      if (name.empty()) name = text(at(object, "String"), "sval");
      if (name.starts_with("pg_temp.") || is_new(name)) continue;
      if (type == "OBJECT_VIEW") dropped_views_[name] = place_;
      if (type == "OBJECT_INDEX") {
        if (!flag(node, "concurrent")) find("drop-index", "DROP INDEX that blocks: " + name);
        continue;
      }
      const auto rule = kRules.find(type);
      if (rule != kRules.end()) find(rule->second, fmt::format("{} is dropped", name));
    }
    if (text(node, "behavior") == "DROP_CASCADE") find("drop-cascade", "DROP … CASCADE");
  }

  void rename(const Json& node) {
    const std::string type = text(node, "renameType");
    const std::string table = relation_name(at(node, "relation"));
    if (is_new(table)) return;
    if (type == "OBJECT_TABLE" || type == "OBJECT_VIEW") {
      find("rename-table", fmt::format("{} becomes {}", table, text(node, "newname")));
    } else if (type == "OBJECT_COLUMN" || type == "OBJECT_ATTRIBUTE") {
      find("rename-column",
           fmt::format("{}.{} becomes {}", table, text(node, "subname"), text(node, "newname")));
    } else if (type != "OBJECT_INDEX" && type != "OBJECT_TABCONSTRAINT" &&
               type != "OBJECT_SEQUENCE" && type != "OBJECT_TRIGGER") {
      find("rename-object", "an object becomes " + text(node, "newname"));
    }
  }

  void create_table(const Json& node) {
    const std::string table = relation_name(at(node, "relation"));
    new_tables_.insert(table);
    if (text(at(node, "relation"), "relpersistence") == "t") return;
    if (text(at(node, "relation"), "relpersistence") == "u") {
      find("unlogged-table", table + " is unlogged");
    }
    bool has_key = !at(node, "inhRelations").empty();
    for (const Json& element : at(node, "tableElts")) {
      if (element.contains("ColumnDef")) {
        const Json& column = element["ColumnDef"];
        note_column(table, column);
        check_type(table, column);
        for (const Json& item : at(column, "constraints")) {
          const Json& constraint = at(item, "Constraint");
          has_key = has_key || text(constraint, "contype") == "CONSTR_PRIMARY";
        }
      } else if (element.contains("Constraint")) {
        has_key = has_key || text(element["Constraint"], "contype") == "CONSTR_PRIMARY";
      } else {
        has_key = true;  // LIKE: may bring one
      }
    }
    if (!has_key) find("no-primary-key", table + " has no primary key");
  }

  void note_column(const std::string& table, const Json& column) {
    known_.columns[{table, text(column, "colname")}] = {type_name(column), type_length(column)};
  }

  void check_type(const std::string& table, const Json& column) {
    const std::string type = type_name(column);
    const std::string name = table + "." + text(column, "colname");
    if (type == "timestamp") find("timestamp-without-zone", name + " is a timestamp without zone");
    if (type == "bpchar") find("char-type", name + " is char(n)");
    if (type == "money") find("money-type", name + " is money");
    if (type == "json") find("json-type", name + " is json");
    if (is_serial(type)) find("serial-type", name + " is " + type);
  }

  static bool is_serial(const std::string& type) {
    return type == "serial" || type == "bigserial" || type == "smallserial" || type == "serial4" ||
           type == "serial8";
  }

  void create_index(const Json& node) {
    const std::string table = relation_name(at(node, "relation"));
    const Json& parameters = at(node, "indexParams");
    if (!parameters.empty()) {
      known_.indexed[table].push_back(text(at(parameters[0], "IndexElem"), "name"));
    }
    if (is_new(table)) return;
    if (!flag(node, "concurrent")) {
      find("create-index", fmt::format("CREATE INDEX on {} blocks writers", table));
      takes_time(table);
    } else if (text(node, "idxname").empty()) {
      find("unnamed-index", "an index on " + table + " without a name");
    }
  }

  void create_view(const Json& node) {
    const std::string view = relation_name(at(node, "view"));
    made_views_.insert(view);
    const bool options = !at(node, "options").empty();
    if (flag(node, "replace") && !options && known_.views_with_options.contains(view)) {
      find("view-loses-options", view + " had options, and is replaced without");
    }
    if (options) {
      known_.views_with_options.insert(view);
    } else {
      known_.views_with_options.erase(view);
    }
  }

  void create_function(const Json& node) {
    bool definer = false;
    bool path = false;
    for (const Json& option : at(node, "options")) {
      const Json& element = at(option, "DefElem");
      const Json& argument = at(element, "arg");
      if (text(element, "defname") == "security") {
        definer =
            flag(at(argument, "Boolean"), "boolval") || at(at(argument, "Integer"), "ival") == 1;
      }
      if (text(element, "defname") == "set") {
        path = path || text(at(argument, "VariableSetStmt"), "name") == "search_path";
      }
    }
    if (definer && !path) {
      find("security-definer",
           list_name(at(node, "funcname")) + " runs with its owner's rights and any search_path");
    }
  }

  void change_rows(const std::string& kind, const Json& node) {
    const std::string table = relation_name(at(node, "relation"));
    if (is_new(table)) return;
    if (kind == "UpdateStmt" && !node.contains("whereClause") && at(node, "fromClause").empty()) {
      find("update-all", "every row of " + table + " is updated");
    }
    if (kind == "DeleteStmt" && !node.contains("whereClause")) {
      find("delete-all", "every row of " + table + " is deleted");
    }
    takes_time(table);
  }

  // Rows are written while a lock of this transaction stops readers.
  void takes_time(const std::string& table) {
    if (!one_transaction_ || altered_.empty()) return;
    find("long-lock", fmt::format("{} is worked on while {} is locked", table, *altered_.begin()));
  }

  void grant(const Json& node) {
    for (const Json& object : at(node, "objects")) {
      granted_.insert(relation_name(at(object, "RangeVar")));
    }
    if (!flag(node, "is_grant")) return;
    for (const Json& grantee : at(node, "grantees")) {
      if (text(at(grantee, "RoleSpec"), "roletype") == "ROLESPEC_PUBLIC") {
        find("grant-to-public", "a grant to PUBLIC");
      }
    }
  }

  void alter_enum(const Json& node) {
    if (!text(node, "oldVal").empty()) {
      find("enum-rename-value",
           fmt::format("the value {} becomes {}", text(node, "oldVal"), text(node, "newVal")));
    } else if (one_transaction_) {
      new_labels_.insert(text(node, "newVal"));
    }
  }

  void look_for_new_labels(const Json& tree) {
    if (tree.contains("AlterEnumStmt")) return;
    for (const std::string& label : new_labels_) {
      const bool used = any_below(tree, "sval", [&label](const Json& value) {
        return value.is_string()
                   ? value == label
                   : value.is_object() && value.contains("sval") && value["sval"] == label;
      });
      if (used) find("enum-add-and-use", fmt::format("the new value {} is used at once", label));
    }
  }

  // --- ALTER TABLE ---

  void alter_table(const Json& node) {
    const std::string table = relation_name(at(node, "relation"));
    const std::string type = text(node, "objtype");
    if (type == "OBJECT_INDEX" || type == "OBJECT_SEQUENCE" || is_new(table)) return;
    for (const Json& item : at(node, "cmds")) alter_command(table, at(item, "AlterTableCmd"));
    const bool only_validates = [&] {
      for (const Json& item : at(node, "cmds")) {
        if (text(at(item, "AlterTableCmd"), "subtype") != "AT_ValidateConstraint") return false;
      }
      return true;
    }();
    if (only_validates || type == "OBJECT_VIEW") return;
    if (one_transaction_ && !altered_.empty() && !altered_.contains(table)) {
      find("many-locks", fmt::format("{} is locked while {} is", table, *altered_.begin()));
    }
    altered_.insert(table);
  }

  void alter_command(const std::string& table, const Json& command) {
    const std::string type = text(command, "subtype");
    const Json& definition = at(command, "def");
    const std::string column = table + "." + text(command, "name");
    if (type == "AT_AddColumn") {
      add_column(table, at(definition, "ColumnDef"));
    } else if (type == "AT_DropColumn") {
      find("drop-column", column + " is dropped");
    } else if (type == "AT_AlterColumnType") {
      change_type(table, text(command, "name"), at(definition, "ColumnDef"));
    } else if (type == "AT_SetNotNull") {
      find("set-not-null", column + " is scanned under a lock");
    } else if (type == "AT_AddConstraint") {
      add_constraint(table, at(definition, "Constraint"));
    } else if (type == "AT_DropConstraint") {
      find("drop-constraint", "a constraint of " + table + " is dropped");
    } else if (type == "AT_ValidateConstraint") {
      if (one_transaction_ && not_valid_.contains(text(command, "name"))) {
        find("validate-together",
             text(command, "name") + " is validated in the transaction that added it");
      }
    } else if (type == "AT_SetLogged" || type == "AT_SetUnLogged") {
      find("set-unlogged", table + " is written again");
    } else if (type == "AT_SetTableSpace") {
      find("set-tablespace", table + " is moved");
    } else if (type == "AT_DisableRowSecurity") {
      find("row-security-off", "row level security of " + table + " goes off");
    } else if (type == "AT_DisableTrig" || type == "AT_DisableTrigAll" ||
               type == "AT_DisableTrigUser") {
      find("disable-trigger", "triggers of " + table + " go off");
    } else if (type == "AT_AttachPartition") {
      find("attach-partition", "a partition of " + table + " may be scanned under a lock");
    } else if (type == "AT_DetachPartition") {
      if (!flag(at(definition, "PartitionCmd"), "concurrent")) {
        find("detach-partition", "readers of " + table + " wait");
      }
    }
  }

  void add_column(const std::string& table, const Json& column) {
    const std::string name = table + "." + text(column, "colname");
    note_column(table, column);
    check_type(table, column);
    bool not_null = false;
    bool has_default = is_serial(type_name(column));
    if (has_default) find("add-serial", name + " numbers every row");
    for (const Json& item : at(column, "constraints")) {
      const Json& constraint = at(item, "Constraint");
      const std::string type = text(constraint, "contype");
      if (type == "CONSTR_NOTNULL") not_null = true;
      if (type == "CONSTR_DEFAULT") {
        has_default = true;
        if (any_below(at(constraint, "raw_expr"), "FuncCall", is_volatile_call)) {
          find("volatile-default", name + " gets a value of its own in every row");
        }
      }
      if (type == "CONSTR_IDENTITY") {
        has_default = true;
        find("add-serial", name + " numbers every row");
      }
      if (type == "CONSTR_GENERATED") {
        has_default = true;
        find("add-generated", name + " is computed for every row");
      }
      if (type == "CONSTR_FOREIGN") check_foreign_key(table, constraint, text(column, "colname"));
      if (type == "CONSTR_CHECK") find("add-check", "a check of " + name + " reads every row");
      if (type == "CONSTR_UNIQUE" || type == "CONSTR_PRIMARY") {
        find("add-unique", "an index for " + name + " is built under a lock");
      }
    }
    if (not_null && !has_default) find("add-not-null-column", name + " has no value for old rows");
  }

  void change_type(const std::string& table, const std::string& column, const Json& definition) {
    const std::string type = type_name(definition);
    const std::optional<int> length = type_length(definition);
    const auto old = known_.columns.find({table, column});
    const bool widens =
        old != known_.columns.end() && old->second.type == "varchar" &&
        (type == "text" || (type == "varchar" &&
                            (!length || (old->second.length && *old->second.length <= *length))));
    const bool same_text =
        old != known_.columns.end() && old->second.type == "text" && type == "varchar" && !length;
    known_.columns[{table, column}] = {type, length};
    const bool measured_not =
        rehearsed_ != nullptr && !rehearsed_->rewriting_lines.contains(place_.line);
    if (widens || same_text || measured_not) return;
    find("change-type", fmt::format("{}.{} becomes {}", table, column, type));
  }

  void add_constraint(const std::string& table, const Json& constraint) {
    const std::string type = text(constraint, "contype");
    if (flag(constraint, "skip_validation")) not_valid_.insert(text(constraint, "conname"));
    if (type == "CONSTR_FOREIGN") {
      check_foreign_key(table, constraint, {});
    } else if (type == "CONSTR_CHECK") {
      if (!flag(constraint, "skip_validation")) {
        find("add-check", "a check of " + table + " reads every row");
      }
    } else if (type == "CONSTR_UNIQUE" || type == "CONSTR_PRIMARY") {
      if (text(constraint, "indexname").empty()) {
        find("add-unique", "an index on " + table + " is built under a lock");
      }
    } else if (type == "CONSTR_EXCLUSION") {
      find("add-exclusion", "an index on " + table + " is built under a lock");
    }
  }

  void check_foreign_key(const std::string& table, const Json& constraint,
                         const std::string& column) {
    if (!flag(constraint, "skip_validation") && column.empty()) {
      find("add-foreign-key", "a foreign key of " + table + " looks up every row");
    }
    std::string first = column;
    const Json& columns = at(constraint, "fk_attrs");
    if (first.empty() && !columns.empty()) first = text(at(columns[0], "String"), "sval");
    const auto& indexed = known_.indexed[table];
    if (std::find(indexed.begin(), indexed.end(), first) == indexed.end()) {
      foreign_keys_.push_back({table, first, place_});
    }
  }

  // What only the whole file tells.
  void finish() {
    for (const auto& [view, place] : dropped_views_) {
      if (!made_views_.contains(view) || granted_.contains(view)) continue;
      place_ = place;
      find("view-loses-grants", view + " is dropped and made again without its grants");
    }
    for (const auto& [table, column, place] : foreign_keys_) {
      const auto& indexed = known_.indexed[table];
      if (std::find(indexed.begin(), indexed.end(), column) != indexed.end()) continue;
      place_ = place;
      find("foreign-key-index", fmt::format("no index on {}.{} is made here", table, column));
    }
  }

  struct PendingKey {
    std::string table;
    std::string column;
    Location place;
  };

  const Step& step_;
  bool one_transaction_;
  KnownSchema& known_;
  std::set<std::string>& new_tables_;  // of this version: nobody uses them yet
  const RehearsedStep* rehearsed_;
  std::vector<LintFinding>& findings_;
  LintAllowances allowances_;
  Location place_;
  std::set<std::string> altered_;
  std::set<std::string> not_valid_;
  std::set<std::string> new_labels_;
  std::map<std::string, Location> dropped_views_;
  std::set<std::string> made_views_;
  std::set<std::string> granted_;
  std::vector<PendingKey> foreign_keys_;
};

}  // namespace

std::vector<LintFinding> lint(const LintRequest& request) {
  std::vector<LintFinding> findings;
  KnownSchema known;
  const auto rehearsed = rehearsed_steps(request.rehearsals);
  const std::vector<Version> versions = read_migrations(request.directory);
  const Version* since = request.since.empty() ? nullptr : &find_version(versions, request.since);
  bool wanted = since == nullptr;
  for (const Version& version : versions) {
    std::set<std::string> new_tables;
    std::vector<LintFinding> found;
    for (const Step& step : version.steps) {
      if (!step.is_sql()) continue;
      const auto facts = rehearsed.find(step.checksum);
      StepLint(step, known, new_tables, facts == rehearsed.end() ? nullptr : &facts->second,
               request.today, found)
          .run();
    }
    if (wanted) findings.insert(findings.end(), found.begin(), found.end());
    if (&version == since) wanted = true;
  }
  return findings;
}

bool lint_is_available() { return can_parse_sql(); }

std::string lint_rules_page() {
  std::string out =
      "# Lint rules\n\nMade from the rules themselves; `pgcycle-migrate lint` names them. A rule "
      "is "
      "silenced by a comment\nabove its statement, or at the head of a file for all of it:\n"
      "```sql\n-- pgcycle: allow drop-column reason=\"unused since v0.2\" until=2027-01-01\n```\n";
  for (const LintRule& rule : lint_rules()) {
    out += fmt::format(
        "\n## {}\n\n{}{}\n\n**Instead**: {}\n\n```sql\n-- found\n{}\n\n-- not found\n{}\n```\n",
        rule.name, rule.is_error ? "" : "*Warning.* ", rule.why, rule.instead, rule.bad, rule.good);
  }
  return out;
}

std::map<std::string, RehearsedStep> rehearsed_steps(const fs::path& notes) {
  std::map<std::string, RehearsedStep> out;
  if (notes.empty() || !fs::is_directory(notes)) return out;
  for (const auto& entry : fs::directory_iterator(notes)) {
    if (entry.path().extension() != ".json") continue;
    const Json note = Json::parse(read_file(entry.path()), nullptr, false);
    if (note.is_discarded()) continue;
    for (const auto& [checksum, lines] : at(note, "rewrites").items()) {
      for (const Json& line : lines) out[checksum].rewriting_lines.insert(line.get<int>());
      out.try_emplace(checksum);
    }
  }
  return out;
}

}  // namespace pgcycle::migrate
