#include "tools/reset/session.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::tools {

namespace {

void write_line(const Json& json) {
  const std::string line = json.dump() + "\n";
  std::fputs(line.c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    throw Error(ErrorCode::internal, "cannot write to standard output");
  }
}

// Lines of standard input; nothing at its end or on an interruption.
class Lines {
 public:
  std::optional<std::string> next() {
    for (;;) {
      if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      if (!more()) return std::nullopt;
    }
  }
  // Tells whether a request waits, or comes within a moment.
  bool waits() const {
    constexpr int kMoment = 2;  // milliseconds
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return !buffer_.empty() || poll(&input, 1, kMoment) > 0;
  }

 private:
  bool more() {
    for (;;) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (interrupt_requested()) return false;
      if (poll(&input, 1, 200) <= 0) continue;
      std::array<char, 65536> block{};
      const ssize_t count = read(STDIN_FILENO, block.data(), block.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      buffer_.append(block.data(), static_cast<std::size_t>(count));
      return true;
    }
  }

  std::string buffer_;
};

Json to_json(const Error& error) {
  Json json{{"message", error.message()}};
  if (!error.detail().empty()) json["detail"] = error.detail();
  if (!error.hint().empty()) json["hint"] = error.hint();
  if (!error.sqlstate().empty()) json["sqlstate"] = error.sqlstate();
  return json;
}

std::string database_of(const Json& request) {
  const auto found = request.find("database");
  if (found == request.end() || !found->is_string()) {
    throw Error(ErrorCode::usage, "the request names no database")
        .hint(R"(such as {"op": "reset", "database": "NAME"})");
  }
  return found->get<std::string>();
}

void answer(server::ClonePool& pool, const Json& request, Json& reply) {
  const std::string op = request.value("op", "");
  if (op == "acquire") {
    const postgres::ConnectionInfo info = pool.acquire();
    reply["database"] = info.database();
    reply["url"] = info.uri();
  } else if (op == "reset") {
    const server::InPlaceOutcome outcome = pool.reset(database_of(request));
    reply["database"] = database_of(request);
    reply["way"] = server::name_of(outcome.way);
    if (!outcome.tables.empty()) reply["tables"] = outcome.tables;
    if (!outcome.reason.empty()) reply["reason"] = outcome.reason;
  } else if (op == "release") {
    pool.release(database_of(request));
    reply["database"] = database_of(request);
  } else {
    throw Error(ErrorCode::usage, "unknown op \"" + op + "\"")
        .hint("the ops are acquire, reset and release");
  }
}

Json read_request(const std::string& line) {
  Json request = Json::parse(line, nullptr, false);
  if (request.is_object()) return request;
  throw Error(ErrorCode::usage, "the line is not a JSON object")
      .hint(R"(such as {"op": "acquire"})");
}

}  // namespace

void serve_session(const Context& context, server::ClonePool& pool) {
  Json hello{{"schema", "pgcycle.reset-session/1"}, {"ready", true}};
  hello["in_place"] = pool.in_place_obstacle().empty();
  if (!pool.in_place_obstacle().empty()) {
    hello["reason"] = pool.in_place_obstacle();
    context.reporter.verbose("every reset makes a new clone: {}", pool.in_place_obstacle());
  }
  write_line(hello);
  Lines lines;
  while (const auto line = lines.next()) {
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    Json reply = Json::object();
    try {
      const Json request = read_request(*line);
      for (const char* member : {"id", "op"}) {
        if (request.contains(member)) reply[member] = request[member];
      }
      answer(pool, request, reply);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted || error.code() == ErrorCode::connect) throw;
      reply["error"] = to_json(error);
    } catch (const Json::exception& error) {
      reply["error"] = Json{{"message", error.what()}};
    }
    write_line(reply);
    if (!lines.waits()) pool.settle();
  }
  throw_if_interrupted();
}

}  // namespace pgcycle::tools
