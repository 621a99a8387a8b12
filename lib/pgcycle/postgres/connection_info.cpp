#include "pgcycle/postgres/connection_info.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>

#include "pgcycle/support/error.hpp"

namespace pgcycle::postgres {

namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

bool is_conninfo(std::string_view text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://") ||
         text.find('=') != std::string_view::npos;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace

ConnectionInfo ConnectionInfo::parse(std::string_view text) {
  ConnectionInfo info;
  if (!is_conninfo(text)) {
    if (!text.empty()) info.keywords_["dbname"] = text;
    return info;
  }
  char* message = nullptr;
  const Options options(PQconninfoParse(std::string(text).c_str(), &message));
  const std::unique_ptr<char, void (*)(void*)> owned(message, PQfreemem);
  if (!options) {
    // libpq's own message may quote the text, and with it a password.
    throw Error(ErrorCode::usage, "cannot read the connection string")
        .hint(
            "use postgresql://USER@HOST:PORT/DATABASE, key=value pairs or a database name; "
            "percent-encode special characters in a URI");
  }
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) info.keywords_[option->keyword] = option->val;
  }
  return info;
}

std::string ConnectionInfo::get(const std::string& keyword) const {
  const auto found = keywords_.find(keyword);
  return found == keywords_.end() ? std::string() : found->second;
}

ConnectionInfo ConnectionInfo::with(const std::string& keyword, const std::string& value) const {
  ConnectionInfo copy = *this;
  copy.keywords_[keyword] = value;
  return copy;
}

ConnectionInfo ConnectionInfo::resolved() const {
  // Started and not awaited: nothing is asked of a server.
  const std::unique_ptr<PGconn, void (*)(PGconn*)> started(PQconnectStart(conninfo().c_str()),
                                                           PQfinish);
  const Options options(started ? PQconninfo(started.get()) : nullptr);
  ConnectionInfo out = *this;
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    const std::string keyword = option->keyword;
    // A password of a password file is looked up anew for each connection.
    const bool wanted = keyword != "service" && (keyword != "password" || get("service") != "");
    if (wanted && option->val != nullptr && option->val[0] != '\0' && get(keyword).empty()) {
      out.keywords_[keyword] = option->val;
    }
  }
  out.keywords_.erase("service");
  if (!out.database().empty()) return out;
  throw Error(ErrorCode::connect, "cannot tell the database of " + uri())
      .detail(started ? PQerrorMessage(started.get()) : "out of memory")
      .hint("check the service file");
}

std::string ConnectionInfo::conninfo() const {
  std::string out;
  for (const auto& [keyword, value] : keywords_) {
    if (!out.empty()) out += ' ';
    out += keyword + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    out += '\'';
  }
  return out;
}

std::string ConnectionInfo::uri(bool with_password) const {
  std::string out = "postgresql://";
  const std::string user = get("user");
  const std::string password = get("password");
  const std::string host = get("host");
  if (!user.empty()) out += percent_encode(user);
  if (!password.empty()) out += ":" + (with_password ? percent_encode(password) : "***");
  if (!user.empty() || !password.empty()) out += "@";
  const bool socket = host.starts_with('/');
  if (!socket) {
    out += host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (!get("port").empty()) out += ":" + get("port");
  }
  out += "/" + percent_encode(database());
  char separator = '?';
  for (const auto& [keyword, value] : keywords_) {
    const bool in_authority = keyword == "user" || keyword == "password" || keyword == "dbname" ||
                              (!socket && (keyword == "host" || keyword == "port"));
    if (in_authority || value.empty()) continue;
    const bool secret = !with_password && keyword == "sslpassword";
    out += fmt::format("{}{}={}", separator, keyword, secret ? "***" : percent_encode(value));
    separator = '&';
  }
  return out;
}

std::map<std::string, std::string> ConnectionInfo::environment() const {
  std::map<std::string, std::string> out;
  const Options known(PQconndefaults());
  for (const PQconninfoOption* option = known.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    const auto given = keywords_.find(option->keyword);
    if (given != keywords_.end() && option->envvar != nullptr) out[option->envvar] = given->second;
  }
  return out;
}

}  // namespace pgcycle::postgres
