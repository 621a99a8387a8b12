// Where a database is: a libpq connection string taken apart.
//
// Accepts a URI, key=value pairs or a bare database name, as libpq does. What
// is not given is resolved by libpq itself (PG* variables, service file,
// password file). Never prints a password.
//
// Thread rule: a value.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pgcycle::postgres {

class ConnectionInfo {
 public:
  ConnectionInfo() = default;
  // Throws Error{usage} when libpq cannot read `text`; the message never
  // repeats a password.
  static ConnectionInfo parse(std::string_view text);

  // A keyword as libpq names it ("host", "port", "dbname", "user", …); empty
  // when it was not given.
  std::string get(const std::string& keyword) const;
  ConnectionInfo with(const std::string& keyword, const std::string& value) const;
  ConnectionInfo with_database(const std::string& name) const { return with("dbname", name); }
  std::string database() const { return get("dbname"); }

  // With all that libpq takes from the service file and from its variables, so that no
  // service is named any more: its settings would win over PG* variables. Throws Error{connect}
  // when libpq cannot make sense of them.
  ConnectionInfo resolved() const;

  const std::map<std::string, std::string>& keywords() const { return keywords_; }
  // key='value' pairs for libpq, password included.
  std::string conninfo() const;
  // postgresql:// URI. A password shows as "***" unless asked for.
  std::string uri(bool with_password = false) const;
  // PG* variables that make a client program connect here: no secret ever
  // becomes a program argument.
  std::map<std::string, std::string> environment() const;

 private:
  std::map<std::string, std::string> keywords_;
};

}  // namespace pgcycle::postgres
