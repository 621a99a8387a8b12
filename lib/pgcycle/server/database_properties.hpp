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

// The value of a setting that ALTER DATABASE gave; empty when there is none.
std::string database_setting(postgres::Connection& maintenance, const std::string& database,
                             const std::string& name);
void set_database_setting(postgres::Connection& maintenance, const std::string& database,
                          const std::string& name, const std::string& value);

}  // namespace pgcycle::server
