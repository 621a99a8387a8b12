#include "pgcycle/support/interrupt.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "pgcycle/support/error.hpp"

namespace pgcycle {

namespace {

std::atomic<bool> g_requested{false};

struct Callbacks {
  std::mutex mutex;
  std::uint64_t next_id = 1;
  std::map<std::uint64_t, std::function<void()>> by_id;
};

// Never destroyed: the watcher thread may outlive static destruction.
Callbacks& callbacks() {
  static auto* instance = new Callbacks;
  return *instance;
}

void watch(sigset_t signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (g_requested.exchange(true)) _exit(130);
    Callbacks& registry = callbacks();
    const std::lock_guard lock(registry.mutex);
    for (const auto& [id, callback] : registry.by_id) callback();
  }
}

}  // namespace

void install_interrupt_watcher() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction current {};
    sigaction(number, nullptr, &current);
    if (current.sa_handler != SIG_IGN) sigaddset(&signals, number);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(watch, signals).detach();
}

bool interrupt_requested() noexcept { return g_requested.load(std::memory_order_relaxed); }

void throw_if_interrupted() {
  if (interrupt_requested()) throw Error(ErrorCode::interrupted, "interrupted");
}

OnInterrupt::OnInterrupt(std::function<void()> callback) {
  Callbacks& registry = callbacks();
  const std::lock_guard lock(registry.mutex);
  id_ = registry.next_id++;
  registry.by_id.emplace(id_, std::move(callback));
}

OnInterrupt::~OnInterrupt() {
  Callbacks& registry = callbacks();
  const std::lock_guard lock(registry.mutex);
  registry.by_id.erase(id_);
}

}  // namespace pgcycle
