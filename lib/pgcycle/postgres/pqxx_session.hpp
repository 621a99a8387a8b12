// libpqxx 6.4 and 7.x behind one face, with libpq's handle kept.
//
// Internal to this folder. In 7.x the connection is made by libpq and handed
// over (`seize_raw_connection`); in 6.4 a connection policy keeps the pointer.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace pgcycle::postgres {

class PqxxSession {
 public:
  // `raw` is a connection that libpq has made; ownership passes on.
  explicit PqxxSession(PGconn* raw);
  ~PqxxSession();
  PqxxSession(const PqxxSession&) = delete;
  PqxxSession& operator=(const PqxxSession&) = delete;

  PGconn* raw() const { return raw_; }
  pqxx::result execute(const std::string& sql);
  pqxx::result execute(const std::string& sql,
                       const std::vector<std::optional<std::string>>& parameters);

 private:
  struct Connection;
  PGconn* raw_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace pgcycle::postgres
