// Reading one file of a migration: its checksum, directives, sections, and what in it
// cannot run inside a transaction. Internal to this folder.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "pgcycle/migrate/plan.hpp"

namespace pgcycle::migrate {

// A digit string at the beginning of a name, as a number; nothing if there is none.
std::optional<std::int64_t> leading_number(std::string_view name);

// "1.2.10" or "1_2" as numbers; nothing for anything else.
std::optional<std::vector<std::int64_t>> dotted_number(std::string_view text);

// The same as Flyway compares them: 1.0 is 1.
std::optional<std::vector<std::int64_t>> flyway_number(std::string_view text);

// A version of another tool, whose one step still lacks its file.
Version one_step_version(const std::filesystem::path& directory, std::string name,
                         std::int64_t number);

// Reads what the step's own SQL says of how it runs, and its checksum.
void read_sql_step(Step& step);

// Reads a script or a data step.
void read_other_step(Step& step);

// What stands behind "pgcycle:" in a comment; empty when it is none of ours.
std::string_view directive_in(std::string_view comment);

// Tells whether the file has the sections of dbmate or goose; `plain` if not.
Layout sections_of(const std::string& content);

}  // namespace pgcycle::migrate
