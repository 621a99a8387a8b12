// Orderly reaction to SIGINT, SIGTERM and SIGHUP.
//
// Signals belong to the whole process, so this is the one piece of the library
// with process-wide state. A program calls `install_interrupt_watcher` once,
// before it starts any thread. From then on a signal runs the callbacks that
// are registered at that moment (a connection cancels its query, a child is
// terminated), and `interrupt_requested` answers true. A second signal ends the
// process at once.
//
// Thread rule: callbacks run on the watcher's thread, one at a time, and must
// not throw. All functions are safe from any thread.
#pragma once

#include <cstdint>
#include <functional>

namespace pgcycle {

void install_interrupt_watcher();
bool interrupt_requested() noexcept;

// Throws Error{interrupted} when a signal has arrived.
void throw_if_interrupted();

// Keeps a callback registered for its own lifetime.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::function<void()> callback);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

 private:
  std::uint64_t id_;
};

}  // namespace pgcycle
