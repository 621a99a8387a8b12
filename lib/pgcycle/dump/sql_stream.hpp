// A dump as lines of SQL, whatever its form, without a copy of it on the way.
//
// What would go elsewhere is left out, as PlainDumpFilter does. A dump that is read through a
// pipe or an archive that is compressed as a whole is kept in memory.
// Errors: Error{input} and Error{step} as a restore.
#pragma once

#include <functional>
#include <string_view>

#include "pgcycle/dump/plain_dump.hpp"
#include "pgcycle/dump/restore.hpp"

namespace pgcycle::dump {

enum class SqlPart { schema, all };
// In the dump's own encoding, or converted.
enum class SqlText { as_written, in_utf8 };

struct SqlLine {
  std::string_view text;         // without its newline; empty where the line is left out
  std::string_view in_dump;      // the same, also where it is left out
  PlainDumpFilter::Line kind{};  // what it is
  int number = 0;                // in the SQL, from 1
};

// Hands the lines to `sink` in order. SqlPart::schema leaves out rows and large objects.
void read_as_sql(const RestoreRequest& request, SqlPart part, SqlText text,
                 const std::function<void(const SqlLine&)>& sink);

}  // namespace pgcycle::dump
