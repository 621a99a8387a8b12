// Sessions with one database, and the work that they share out.
//
// Thread rule: one thread at a time; the work runs on several. Fewer sessions than were asked for,
// down to the given one, where the server admits no more.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "pgcycle/postgres/session_group.hpp"
#include "pgcycle/server/target.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::load {

class Workers {
 public:
  // `own`, which must outlive this, and as many more as make `count`.
  Workers(postgres::Connection& own, const server::Target& target, std::size_t count,
          Reporter& reporter);

  // Runs the statement in each session.
  void execute(std::string_view statement);
  // Calls `work` for 0 to `count` - 1, in that order, each on one of the sessions. Throws the
  // first error; what the other sessions run is cancelled.
  void share_out(std::size_t count,
                 const std::function<void(postgres::Connection&, std::size_t)>& work);

 private:
  postgres::SessionGroup sessions_;
};

}  // namespace pgcycle::load
