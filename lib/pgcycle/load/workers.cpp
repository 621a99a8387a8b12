#include "pgcycle/load/workers.hpp"

#include <exception>
#include <mutex>
#include <thread>

namespace pgcycle::load {

Workers::Workers(postgres::Connection& own, const server::Target& target, std::size_t count,
                 Reporter& reporter)
    : own_(own) {
  try {
    while (more_.size() + 1 < count) more_.push_back(server::open_target(target, reporter));
  } catch (const Error& error) {
    reporter.verbose("{} sessions share the work: {}", more_.size() + 1, error.what());
  }
}

void Workers::execute(std::string_view statement) {
  own_.execute(statement);
  for (postgres::Connection& session : more_) session.execute(statement);
}

void Workers::share_out(std::size_t count,
                        const std::function<void(postgres::Connection&, std::size_t)>& work) {
  std::mutex mutex;
  std::size_t next = 0;
  std::exception_ptr failure;
  const auto take_part = [&](postgres::Connection& session) {
    for (;;) {
      std::size_t at = 0;
      {
        const std::lock_guard lock(mutex);
        if (next == count || failure) return;
        at = next++;
      }
      try {
        work(session, at);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    }
  };
  std::vector<std::thread> threads;
  for (postgres::Connection& session : more_) {
    threads.emplace_back([&take_part, &session] { take_part(session); });
  }
  take_part(own_);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pgcycle::load
