// What a migration is made of while it is written. Internal to this folder.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/catalog/object_sql.hpp"

namespace pgcycle::catalog {

struct MigrationDraft {
  MigrationSql sql;
  Statements later;  // once all else is there

  void say(std::string statement) { sql.statements.push_back(std::move(statement)); }
  void say(Statements statements) {
    for (std::string& statement : statements) say(std::move(statement));
  }
  void cannot(const ObjectKey& key, std::string_view what) {
    sql.not_written.push_back(fmt::format("{} {}: {}", key.kind, key.name, what));
  }
};

}  // namespace pgcycle::catalog
