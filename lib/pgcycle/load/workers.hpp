// Sessions with one database, and the work that they share out.
//
// Thread rule: one thread at a time; the work runs on several. Errors: Error of a session that
// cannot be opened is left to its absence, as the server may allow no more.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "pgcycle/postgres/connection.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

class Workers {
 public:
  // `own`, which must outlive this, and as many more as make `count`, or as the server allows.
  Workers(postgres::Connection& own, const server::Target& target, std::size_t count,
          Reporter& reporter);

  // Runs the statement in each session.
  void execute(std::string_view statement);
  // Calls `work` for 0 to `count` - 1, in that order, each on one of the sessions. Throws the
  // first exception, once all sessions have ended what they were at.
  void share_out(std::size_t count,
                 const std::function<void(postgres::Connection&, std::size_t)>& work);

 private:
  postgres::Connection& own_;
  std::vector<postgres::Connection> more_;
};

}  // namespace pgcycle::load
