// What a dump expects of its server: the roles that its statements name, which pg_dump does not
// write down, and how its database stores and sorts text.
//
// Statements are read as pg_dump writes them: each begins a line, with its roles in that line.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/dump/restore.hpp"
#include "pgcycle/server/new_database.hpp"

namespace pgcycle::dump {

class Requirements {
 public:
  // A line of a dump's SQL that is no row.
  void add_line(std::string_view line);
  void add_owner(const std::string& role);

  // The roles that a restore needs: of policies and user mappings and, where they are not left out,
  // of grants and owners.
  std::set<std::string> roles(OwnersAndGrants owners) const;
  // Of the dumped database, where the dump says how to create that.
  const std::optional<server::DatabaseLocale>& locale() const { return locale_; }

 private:
  std::set<std::string> of_objects_;
  std::set<std::string> of_grants_;
  std::set<std::string> of_owners_;
  std::optional<server::DatabaseLocale> locale_;
};

// Of an archive's table of contents, else of all the dump's SQL.
Requirements requirements_of(const RestoreRequest& request);

}  // namespace pgcycle::dump
