#include "pgcycle/postgres/pqxx_session.hpp"

#include <utility>

namespace pgcycle::postgres {

#if PQXX_VERSION_MAJOR >= 7

struct PqxxSession::Connection {
  explicit Connection(PGconn* raw)
      : session(pqxx::connection::seize_raw_connection(raw)), statements(session) {}
  pqxx::connection session;
  pqxx::nontransaction statements;
};

pqxx::result PqxxSession::execute(const std::string& sql) {
  return connection_->statements.exec(sql);
}

pqxx::result PqxxSession::execute(const std::string& sql,
                                  const std::vector<std::optional<std::string>>& parameters) {
  pqxx::params values;
  for (const auto& parameter : parameters) values.append(parameter);
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 9
  return connection_->statements.exec(sql, values);
#else
  return connection_->statements.exec_params(sql, values);
#endif
}

#else

namespace {

// Hands libpqxx a connection that exists already, once: a lost session must
// never be replaced behind our back by one without its settings.
class KeepHandle final : public pqxx::connectionpolicy {
 public:
  explicit KeepHandle(PGconn* raw) : connectionpolicy(std::string()), raw_(raw) {}
  handle do_startconnect(handle original) override {
    if (original != nullptr) return original;
    if (raw_ == nullptr) throw pqxx::broken_connection("the connection was lost");
    return std::exchange(raw_, nullptr);
  }

 private:
  PGconn* raw_;
};

class KeptConnection final : public pqxx::connection_base {
 public:
  explicit KeptConnection(PGconn* raw) : connection_base(policy_), policy_(raw) {
    try {
      init();
    } catch (...) {  // the server ended the session already
      close();
      throw;
    }
  }
  ~KeptConnection() { close(); }

 private:
  KeepHandle policy_;
};

}  // namespace

struct PqxxSession::Connection {
  explicit Connection(PGconn* raw) : session(raw), statements(session) {}
  KeptConnection session;
  pqxx::nontransaction statements;
};

pqxx::result PqxxSession::execute(const std::string& sql) {
  return connection_->statements.exec(sql);
}

pqxx::result PqxxSession::execute(const std::string& sql,
                                  const std::vector<std::optional<std::string>>& parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    values.push_back(parameter ? parameter->c_str() : nullptr);
  }
  return connection_->statements.exec_params(
      sql, pqxx::prepare::make_dynamic_params(values.begin(), values.end()));
}

#endif

PqxxSession::PqxxSession(PGconn* raw) : raw_(raw), connection_(std::make_unique<Connection>(raw)) {}
PqxxSession::~PqxxSession() = default;

}  // namespace pgcycle::postgres
