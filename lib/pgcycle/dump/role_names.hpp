// The roles that a dump's statements name. pg_dump does not write roles down, and a statement that
// names one that the server lacks fails.
//
// Statements are read as pg_dump writes them: each begins a line, with its roles in that line.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/dump/restore.hpp"

namespace pgcycle::dump {

class RoleNames {
 public:
  // A line of a dump's SQL that is no row.
  void add_line(std::string_view line);
  void add_owner(const std::string& role);

  // Those that a restore needs: of policies and user mappings and, where they are not left out, of
  // grants and owners.
  std::set<std::string> needed(OwnersAndGrants owners) const;

 private:
  std::set<std::string> of_objects_;
  std::set<std::string> of_grants_;
  std::set<std::string> of_owners_;
};

// Of an archive's table of contents, else of all the dump's SQL.
RoleNames role_names_of(const RestoreRequest& request);

}  // namespace pgcycle::dump
