// CREATE DATABASE … TEMPLATE in the fastest way that the server has, DROP DATABASE, and the end of
// sessions that are in the way.
//
// PostgreSQL 18 can share the files' blocks where the file system can
// (file_copy_method). Before that, copying files beats copying through the WAL on a
// server that does not sync, and for anything large; see bench/reset.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::server {

enum class Sessions { allowed, refused };  // on the copy

// Makes database `name` as a copy of `source`, which must have no sessions. Throws
// Error{statement}; SQLSTATE 55006 when there are sessions.
void copy_database(postgres::Connection& maintenance, const std::string& source,
                   const std::string& name, Sessions sessions = Sessions::allowed);

// Throws Error{statement}; SQLSTATE 55006 when there are sessions, 3D000 when it is gone.
void rename_database(postgres::Connection& maintenance, const std::string& from,
                     const std::string& to);

// Ends clients' sessions on these databases and waits until they are gone, for 200 ms at most.
// Throws Error{statement}; SQLSTATE 42501 where they are not the role's to end.
void end_sessions(postgres::Connection& maintenance, const std::vector<std::string>& databases);

// Drops it, if it is there, with the sessions that are on it.
void drop_database(postgres::Connection& maintenance, const std::string& name);

}  // namespace pgcycle::server
