// `pgcycle-reset --session`: JSON Lines on standard input and output.
#pragma once

#include "pgcycle/server/clone_pool.hpp"
#include "tools/common/program.hpp"

namespace pgcycle::tools {

// Answers each line of standard input with one on standard output, until its end. The
// protocol is described in docs/reset-session.md.
void serve_session(const Context& context, server::ClonePool& pool);

}  // namespace pgcycle::tools
