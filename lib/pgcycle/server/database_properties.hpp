// What a database has beside its contents: owner, grants, connection limit, comment,
// and the settings of ALTER DATABASE SET and ALTER ROLE … IN DATABASE … SET.
//
// Neither a dump's contents nor CREATE DATABASE TEMPLATE carries them.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::server {

// Gives `to` the properties of `from`, both on the session's server. What the role may
// not set is left out with a notice. pgcycle's own settings are not carried over.
void carry_over_properties(postgres::Connection& maintenance, const std::string& from,
                           const std::string& to, Reporter& reporter);

// What pgcycle notes of a database, under a name such as "pgcycle.lease": a setting of the
// database or, where the role may not make settings of its own (PostgreSQL 15 and newer,
// no superuser), a line "NAME=VALUE" of its comment. The notes go with the database, and
// neither a dump nor a copy carries them.
//
// The value; empty when there is none.
std::string database_setting(postgres::Connection& maintenance, const std::string& database,
                             const std::string& name);
// As an SQL expression; `oid` is one of the database's oid.
std::string database_setting_sql(const std::string& oid, const std::string& name);
void set_database_setting(postgres::Connection& maintenance, const std::string& database,
                          const std::string& name, const std::string& value);

}  // namespace pgcycle::server
