// Sessions over standard input and output: one JSON object a line, each answered by one, in order.
//
// An "id" and the "op" come back with the answer. What goes wrong is an "error" with message,
// place ("at"), detail, hint, sqlstate and further errors ("also"); the session goes on, unless the
// server is lost.
#pragma once

#include <functional>

#include "tools/common/program.hpp"

namespace pgcycle::tools {

// Adds to `reply` what the request asks for.
using LineAnswer = std::function<void(const Json& request, Json& reply)>;

// Writes `hello`, then answers until the end of standard input or an interruption; `settle` is
// called when no request waits.
void serve_json_lines(const Json& hello, const LineAnswer& answer,
                      const std::function<void()>& settle);

}  // namespace pgcycle::tools
