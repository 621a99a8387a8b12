#include "pgcycle/postgres/session_group.hpp"

#include <exception>
#include <mutex>
#include <thread>

namespace pgcycle::postgres {

void SessionGroup::run(const std::function<void(Connection&)>& work) {
  std::mutex mutex;
  std::exception_ptr failure;
  const auto guarded = [&](Connection& session) {
    try {
      work(session);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (failure) return;  // cancelled because of the first
      failure = std::current_exception();
      first_.cancel();
      for (Connection& other : others_) other.cancel();
    }
  };
  std::vector<std::thread> threads;
  for (Connection& session : others_) {
    threads.emplace_back([&guarded, &session] { guarded(session); });
  }
  guarded(first_);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pgcycle::postgres
