// Waiting for locks without making others wait.
//
// A statement that waits for a lock stops everybody who comes behind it. So it waits for
// `timeout` at most; then its transaction is rolled back, which lets go of all that it had, and
// is tried again after a pause with jitter, until `wait` is over. Who was in the way is named.
//
// Thread rule: one thread calls; a thread of its own looks who blocks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "pgcycle/server/target.hpp"

namespace pgcycle::migrate {

struct LockSettings {
  double timeout_seconds = 0;  // 0: waits for ever
  double wait_seconds = 0;
};

// The statement did not get its lock, or others would never have got theirs.
bool is_lock_failure(const Error& error);

class LockPatience {
 public:
  // Watches the session with the process id `backend` of the target's server.
  LockPatience(const server::Target& target, LockSettings settings, int backend,
               Reporter& reporter);
  ~LockPatience();
  LockPatience(const LockPatience&) = delete;
  LockPatience& operator=(const LockPatience&) = delete;

  // Runs the attempt until it gets its locks. It must leave no transaction open when it throws.
  void run(const std::function<void()>& attempt);

  // "SET LOCAL lock_timeout = …", or empty.
  std::string setting() const;
  // "SET lock_timeout = …", or empty.
  std::string session_setting() const;

 private:
  std::string setting(std::string_view command) const;
  void watch();
  std::string blocker();

  server::Target target_;
  LockSettings settings_;
  int backend_;
  Reporter& reporter_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  bool done_ = false;
  std::chrono::steady_clock::time_point since_;
  std::string blocker_;
  std::thread thread_;
};

}  // namespace pgcycle::migrate
