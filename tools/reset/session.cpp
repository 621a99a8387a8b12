#include "tools/reset/session.hpp"

#include "tools/common/json_lines.hpp"

namespace pgcycle::tools {

namespace {

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

}  // namespace

void serve_session(const Context& context, server::ClonePool& pool) {
  Json hello{{"schema", "pgcycle.reset-session/1"}, {"ready", true}};
  hello["in_place"] = pool.in_place_obstacle().empty();
  if (!pool.in_place_obstacle().empty()) {
    hello["reason"] = pool.in_place_obstacle();
    context.reporter.verbose("every reset makes a new clone: {}", pool.in_place_obstacle());
  }
  serve_json_lines(
      hello, [&pool](const Json& request, Json& reply) { answer(pool, request, reply); },
      [&pool] { pool.settle(); });
}

}  // namespace pgcycle::tools
