#include "pgcycle/load/workers.hpp"

#include <atomic>

namespace pgcycle::load {

Workers::Workers(postgres::Connection& own, const server::Target& target, std::size_t count,
                 Reporter& reporter)
    : sessions_(own) {
  try {
    while (sessions_.size() < count) sessions_.add(server::open_target(target, reporter));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    reporter.verbose("{} sessions share the work: {}", sessions_.size(), error.message());
  }
}

void Workers::execute(std::string_view statement) {
  sessions_.run([statement](postgres::Connection& session) { session.execute(statement); });
}

void Workers::share_out(std::size_t count,
                        const std::function<void(postgres::Connection&, std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> has_failed = false;
  sessions_.run([&](postgres::Connection& session) {
    try {
      for (std::size_t at = next++; at < count && !has_failed; at = next++) work(session, at);
    } catch (...) {
      has_failed = true;
      throw;
    }
  });
}

}  // namespace pgcycle::load
