#include "pgcycle/catalog/object_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "pgcycle/catalog/object_kinds.hpp"
#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::catalog {

namespace {

using postgres::quote_literal;

std::string comment_target(const CatalogObject& object) {
  const std::string& kind = object.key.kind;
  if (kind == "constraint" || kind == "trigger" || kind == "policy" || kind == "rule") {
    return fmt::format("{} {} ON {}", upper(kind), object.property(kind), object.parent);
  }
  if (is_type(kind)) return (kind == "domain" ? "DOMAIN " : "TYPE ") + object.key.name;
  return upper(kind) + " " + object.key.name;
}

std::string grant_target(const CatalogObject& object) {
  const std::string& kind = object.key.kind;
  if (kind == "column") return "TABLE " + object.parent;
  if (is_routine(kind)) return "ROUTINE " + object.key.name;
  if (is_type(kind)) return "TYPE " + object.key.name;
  if (kind == "sequence") return "SEQUENCE " + object.key.name;
  if (is_relation(kind)) return "TABLE " + object.key.name;
  if (kind == "server") return "FOREIGN SERVER " + object.key.name;
  return upper(kind) + " " + object.key.name;
}

// The name at the beginning of a property's value, as SQL.
std::string leading_name(const std::string& value) {
  if (value.front() != '"') return value.substr(0, value.find(' '));
  std::size_t end = value.find('"', 1);
  while (end != std::string::npos && value.compare(end, 2, "\"\"") == 0) {
    end = value.find('"', end + 2);
  }
  return value.substr(0, end == std::string::npos ? end : end + 1);
}

bool is_not_valid(const std::string& check) { return check.ends_with(" NOT VALID"); }

// The value of the same name.
std::vector<std::string>::const_iterator find_named(const std::vector<std::string>& values,
                                                    const std::string& value) {
  return std::find_if(values.begin(), values.end(), [&](const std::string& other) {
    return leading_name(other) == leading_name(value);
  });
}

// What follows ALTER … to make one list of options of the other.
std::vector<std::string> option_changes(const std::string& before, const std::string& after) {
  std::vector<std::string> out;
  if (before == after) return out;
  std::vector<std::string> gone;
  for (const std::string& option : values_of(before)) {
    gone.push_back(option.substr(0, option.find('=')));
  }
  if (!gone.empty()) out.push_back(fmt::format("RESET ({})", fmt::join(gone, ", ")));
  if (!after.empty()) out.push_back(fmt::format("SET ({})", fmt::join(values_of(after), ", ")));
  return out;
}

// Of lists of names, each with its comment as a literal; `target`: of a name, as COMMENT takes it.
Statements set_comments_by_name(const std::string& before, const std::string& after,
                                const std::function<std::string(const std::string&)>& target) {
  Statements out;
  const auto old_comments = values_of(before);
  const auto comments = values_of(after);
  const auto comment = [&](const std::string& name, const std::string& literal) {
    out.push_back(fmt::format("COMMENT ON {} IS {}", target(name), literal));
  };
  for (const std::string& old : old_comments) {
    if (find_named(comments, old) == comments.end()) comment(leading_name(old), "NULL");
  }
  for (const std::string& one : comments) {
    if (std::find(old_comments.begin(), old_comments.end(), one) != old_comments.end()) continue;
    const std::string name = leading_name(one);
    comment(name, one.substr(name.size() + 1));
  }
  return out;
}

}  // namespace

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string last_part(const std::string& parent, const std::string& name) {
  return name.substr(parent.size() + 1);
}

std::string definition_of(const CatalogObject& object) {
  std::string text = object.property("definition");
  while (!text.empty() && (text.back() == ';' || text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

std::string options_clause(const CatalogObject& object) {
  const auto options = values_of(object.property("options"));
  return options.empty() ? std::string() : fmt::format(" WITH ({})", fmt::join(options, ", "));
}

std::string access_method_clause(const CatalogObject& object) {
  const std::string& method = object.property("access method");
  return method.empty() ? std::string() : " USING " + method;
}

std::string create_sequence(const CatalogObject& object) {
  return fmt::format(
      "CREATE {}SEQUENCE {} AS {} START {} INCREMENT {} MINVALUE {} MAXVALUE {} CACHE "
      "{}{}",
      object.property("persistence").empty() ? "" : "UNLOGGED ", object.key.name,
      object.property("type"), object.property("start"), object.property("increment"),
      object.property("minimum"), object.property("maximum"), object.property("cache"),
      object.property("cycle").empty() ? "" : " CYCLE");
}

Statements create_type(const CatalogObject& object) {
  const std::string& kind = object.key.kind;
  const std::string& name = object.key.name;
  if (kind == "enum") {
    std::vector<std::string> labels;
    for (const std::string& label : values_of(object.property("labels"))) {
      labels.push_back(quote_literal(label));
    }
    return {fmt::format("CREATE TYPE {} AS ENUM ({})", name, fmt::join(labels, ", "))};
  }
  if (kind == "composite type") {
    return {fmt::format("CREATE TYPE {} AS ({})", name,
                        fmt::join(values_of(object.property("attributes")), ", "))};
  }
  if (kind == "base type") {
    return {fmt::format("CREATE TYPE {} ({})", name, object.property("definition"))};
  }
  if (kind == "range type") {
    return {fmt::format("CREATE TYPE {} AS RANGE ({})", name, object.property("definition"))};
  }
  std::string sql = fmt::format("CREATE DOMAIN {} AS {}", name, object.property("base"));
  if (!object.property("collation").empty()) sql += " COLLATE " + object.property("collation");
  if (!object.property("default").empty()) sql += " DEFAULT " + object.property("default");
  if (!object.property("not null").empty()) sql += " NOT NULL";
  for (const std::string& check : values_of(object.property("checks"))) {
    if (!is_not_valid(check)) sql += " CONSTRAINT " + check;
  }
  Statements out{sql};
  for (const std::string& check : values_of(object.property("checks"))) {
    if (is_not_valid(check)) {
      out.push_back(fmt::format("ALTER DOMAIN {} ADD CONSTRAINT {}", name, check));
    }
  }
  return out;
}

std::string create_policy(const CatalogObject& policy) {
  std::string sql =
      fmt::format("CREATE POLICY {} ON {}{} FOR {} TO {}", policy.property("policy"), policy.parent,
                  policy.property("permissive").empty() ? "" : " AS RESTRICTIVE",
                  policy.property("command"), policy.property("roles"));
  if (!policy.property("using").empty())
    sql += fmt::format(" USING ({})", policy.property("using"));
  if (!policy.property("check").empty()) {
    sql += fmt::format(" WITH CHECK ({})", policy.property("check"));
  }
  return sql;
}

Statements alter_sequence(const CatalogObject& old, const CatalogObject& sequence) {
  Statements out;
  std::string what;
  const auto add = [&](const char* property, const std::string& clause) {
    if (old.property(property) != sequence.property(property)) what += " " + clause;
  };
  add("type", "AS " + sequence.property("type"));
  add("increment", "INCREMENT " + sequence.property("increment"));
  add("minimum", "MINVALUE " + sequence.property("minimum"));
  add("maximum", "MAXVALUE " + sequence.property("maximum"));
  add("start", "START " + sequence.property("start"));
  add("cache", "CACHE " + sequence.property("cache"));
  add("cycle", sequence.property("cycle").empty() ? "NO CYCLE" : "CYCLE");
  if (!what.empty()) out.push_back(fmt::format("ALTER SEQUENCE {}{}", sequence.key.name, what));
  if (old.property("persistence") != sequence.property("persistence")) {
    out.push_back(fmt::format("ALTER SEQUENCE {} SET {}", sequence.key.name,
                              sequence.property("persistence").empty() ? "LOGGED" : "UNLOGGED"));
  }
  return out;
}

Statements alter_options(const CatalogObject& old, const CatalogObject& object) {
  Statements out;
  for (const std::string& change :
       option_changes(old.property("options"), object.property("options"))) {
    out.push_back(fmt::format("ALTER {} {} {}", upper(object.key.kind), object.key.name, change));
  }
  return out;
}

Statements set_row_security(const CatalogObject& table, const CatalogObject* old) {
  Statements out;
  const auto was = [old](const char* name) {
    return old != nullptr && !old->property(name).empty();
  };
  const bool enabled = !table.property("row security").empty();
  const bool forced = !table.property("forced row security").empty();
  if (enabled != was("row security")) {
    out.push_back(fmt::format("ALTER TABLE {} {} ROW LEVEL SECURITY", table.key.name,
                              enabled ? "ENABLE" : "DISABLE"));
  }
  if (forced != was("forced row security")) {
    out.push_back(fmt::format("ALTER TABLE {} {} ROW LEVEL SECURITY", table.key.name,
                              forced ? "FORCE" : "NO FORCE"));
  }
  return out;
}

Statements alter_domain(const CatalogObject& old, const CatalogObject& type) {
  Statements out;
  const std::string alter = fmt::format("ALTER DOMAIN {} ", type.key.name);
  if (old.property("default") != type.property("default")) {
    out.push_back(alter + (type.property("default").empty()
                               ? std::string("DROP DEFAULT")
                               : "SET DEFAULT " + type.property("default")));
  }
  if (old.property("not null") != type.property("not null")) {
    out.push_back(alter + (type.property("not null").empty() ? "DROP NOT NULL" : "SET NOT NULL"));
  }
  const auto before = values_of(old.property("checks"));
  const auto after = values_of(type.property("checks"));
  const auto name_of_check = [](const std::string& check) {
    return check.substr(0, check.find(" CHECK"));
  };
  for (const std::string& check : before) {
    if (std::find(after.begin(), after.end(), check) == after.end()) {
      out.push_back(fmt::format("{}DROP CONSTRAINT {}", alter, name_of_check(check)));
    }
  }
  for (const std::string& check : after) {
    if (std::find(before.begin(), before.end(), check) == before.end()) {
      out.push_back(fmt::format("{}ADD CONSTRAINT {}", alter, check));
    }
  }
  return out;
}

Statements alter_composite(const CatalogObject& old, const CatalogObject& type) {
  Statements out;
  const auto before = values_of(old.property("attributes"));
  const auto after = values_of(type.property("attributes"));
  const std::string alter = fmt::format("ALTER TYPE {} ", type.key.name);
  for (const std::string& attribute : before) {
    if (find_named(after, attribute) == after.end()) {
      out.push_back(fmt::format("{}DROP ATTRIBUTE {}", alter, leading_name(attribute)));
    }
  }
  for (const std::string& attribute : after) {
    const auto same = find_named(before, attribute);
    const std::string name = leading_name(attribute);
    if (same == before.end()) {
      out.push_back(fmt::format("{}ADD ATTRIBUTE {}", alter, attribute));
    } else if (*same != attribute) {
      out.push_back(
          fmt::format("{}ALTER ATTRIBUTE {} TYPE{}", alter, name, attribute.substr(name.size())));
    }
  }
  return out;
}

Statements set_comment(const CatalogObject& object, const std::string& before) {
  Statements out;
  const std::string& comment = object.property("comment");
  if (comment == before) return out;
  out.push_back(fmt::format("COMMENT ON {} IS {}", comment_target(object),
                            comment.empty() ? "NULL" : quote_literal(comment)));
  return out;
}

Statements set_column_comments(const CatalogObject& view, const std::string& before) {
  return set_comments_by_name(before, view.property("column comments"), [&](const auto& column) {
    return fmt::format("COLUMN {}.{}", view.key.name, column);
  });
}

Statements set_check_comments(const CatalogObject& domain, const std::string& before) {
  return set_comments_by_name(before, domain.property("check comments"), [&](const auto& check) {
    return fmt::format("CONSTRAINT {} ON DOMAIN {}", check, domain.key.name);
  });
}

Statements set_index_comment(const CatalogObject& constraint, const std::string& before) {
  const std::string& comment = constraint.property("index comment");
  if (comment == before) return {};
  const std::string schema = constraint.parent.substr(0, constraint.parent.find('.'));
  return {fmt::format("COMMENT ON INDEX {}.{} IS {}", schema, constraint.property("constraint"),
                      comment.empty() ? "NULL" : quote_literal(comment))};
}

Statements set_clustered(const CatalogObject& index, const std::string& before) {
  if (index.property("clustered") == before) return {};
  const std::string name = index.key.kind == "constraint"
                               ? index.property("constraint")
                               : index.key.name.substr(index.key.name.find('.') + 1);
  if (before.empty()) return {fmt::format("ALTER TABLE {} CLUSTER ON {}", index.parent, name)};
  return {fmt::format("ALTER TABLE {} SET WITHOUT CLUSTER", index.parent)};
}

Statements set_storage(const CatalogObject& column, const CatalogObject* old) {
  Statements out;
  const auto before = [old](const char* property) {
    return old == nullptr ? std::string() : old->property(property);
  };
  const auto alter = [&](const std::string& what) {
    out.push_back(fmt::format("ALTER TABLE ONLY {} ALTER COLUMN {} {}", column.parent,
                              last_part(column.parent, column.key.name), what));
  };
  const auto differs = [&](const char* property) {
    return before(property) != column.property(property);
  };
  if (differs("statistics")) {
    const std::string& target = column.property("statistics");
    alter("SET STATISTICS " + (target.empty() ? "-1" : target));
  }
  if (differs("storage")) {
    const std::string& storage = column.property("storage");
    const std::string& type = column.property("type");
    const char* usual =
        type.starts_with("numeric") || type == "inet" || type == "cidr" ? "MAIN" : "EXTENDED";
    alter("SET STORAGE " + (storage.empty() ? usual : storage));
  }
  if (differs("compression")) {
    const std::string& compression = column.property("compression");
    alter("SET COMPRESSION " + (compression.empty() ? "default" : compression));
  }
  for (const std::string& change : option_changes(before("options"), column.property("options"))) {
    alter(change);
  }
  return out;
}

std::string foreign_options(const CatalogObject& object) {
  const auto options = values_of(object.property("foreign options"));
  return options.empty() ? std::string() : fmt::format(" OPTIONS ({})", fmt::join(options, ", "));
}

std::string alter_foreign_options(const CatalogObject& old, const CatalogObject& object) {
  const auto before = values_of(old.property("foreign options"));
  const auto after = values_of(object.property("foreign options"));
  std::vector<std::string> changes;
  for (const std::string& option : before) {
    if (find_named(after, option) == after.end()) changes.push_back("DROP " + leading_name(option));
  }
  for (const std::string& option : after) {
    const auto same = find_named(before, option);
    if (same == before.end()) {
      changes.push_back("ADD " + option);
    } else if (*same != option) {
      changes.push_back("SET " + option);
    }
  }
  return changes.empty() ? std::string() : fmt::format("OPTIONS ({})", fmt::join(changes, ", "));
}

Statements set_grants(const CatalogObject& object, const std::string& before) {
  Statements out;
  const auto old_grants = values_of(before);
  const auto grants = values_of(object.property("grants"));
  const std::string columns = object.key.kind == "column"
                                  ? fmt::format(" ({})", last_part(object.parent, object.key.name))
                                  : "";
  constexpr std::string_view kOption = " WITH GRANT OPTION";
  const auto say_grant = [&](const std::string& grant, bool gives) {
    const bool option = grant.ends_with(kOption);
    const std::string plain = option ? grant.substr(0, grant.size() - kOption.size()) : grant;
    const std::size_t space = plain.rfind(' ');
    out.push_back(fmt::format("{} {}{} ON {} {} {}{}", gives ? "GRANT" : "REVOKE",
                              plain.substr(space + 1), columns, grant_target(object),
                              gives ? "TO" : "FROM", plain.substr(0, space),
                              gives && option ? kOption : ""));
  };
  for (const std::string& grant : old_grants) {
    if (std::find(grants.begin(), grants.end(), grant) == grants.end()) say_grant(grant, false);
  }
  for (const std::string& grant : grants) {
    if (std::find(old_grants.begin(), old_grants.end(), grant) == old_grants.end()) {
      say_grant(grant, true);
    }
  }
  return out;
}

}  // namespace pgcycle::catalog
