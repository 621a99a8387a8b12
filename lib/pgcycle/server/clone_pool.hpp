// Clones of one database for the tests of a session: ready before they are asked for,
// put back as they were, gone with the session.
//
// A thread of its own makes clones ahead of demand and drops what is no longer used. A
// released clone is put back and used again where that needs no new clone. All clones
// are leased, and named after the session, whose advisory lock tells that it lives.
//
// Thread rule: one thread calls. Errors: as the server's; Error{usage} for a name that
// was not acquired.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "pgcycle/server/advisory_lock.hpp"
#include "pgcycle/server/in_place_reset.hpp"
#include "pgcycle/server/target.hpp"

namespace pgcycle::server {

struct ClonePoolSettings {
  std::string source;              // no one may be connected to it
  bool source_may_change = false;  // it is then copied once, and the copy is cloned
  std::size_t ready = 2;           // kept warm
  double lease_seconds = 900;      // clones of a session that hangs may be dropped after that
};

class ClonePool {
 public:
  ClonePool(const Target& target, ClonePoolSettings settings, Reporter& reporter);
  // Drops all clones.
  ~ClonePool();
  ClonePool(const ClonePool&) = delete;
  ClonePool& operator=(const ClonePool&) = delete;

  // Why resets always need a new clone; empty when some can do without.
  const std::string& in_place_obstacle() const { return in_place_->obstacle(); }

  // A database of one's own.
  postgres::ConnectionInfo acquire();
  // Puts it back as it was, under the same name.
  InPlaceOutcome reset(const std::string& database);
  void release(const std::string& database);
  // Does what can wait until a reply is sent.
  void settle();

 private:
  struct Clone {
    std::string name;
    std::unique_ptr<postgres::Connection> session;
    WatchedClone watched;
  };

  void run();
  Clone make_clone(postgres::Connection& connection);
  void watch(Clone& clone);
  void renew_leases(postgres::Connection& connection);
  Clone take();
  Clone& acquired(const std::string& database);
  InPlaceOutcome put_back(Clone& clone);
  void replace(Clone& clone);
  std::vector<std::string> names_in_use();
  void drop_all() noexcept;

  Target target_;
  ClonePoolSettings settings_;
  Reporter& reporter_;
  std::string session_;
  postgres::Connection maintenance_;
  AdvisoryLock alive_;
  std::atomic<std::uint64_t> next_number_{0};
  std::string source_copy_;  // empty: the source itself is cloned
  std::string original_name_;
  std::unique_ptr<postgres::Connection> original_;
  std::unique_ptr<InPlaceReset> in_place_;
  std::map<std::string, Clone> acquired_;
  std::size_t most_acquired_ = 0;  // at one time: so many may come back and wait
  std::string last_reset_;         // to be settled
  std::deque<Clone> released_;     // to be put back

  std::mutex mutex_;  // what follows is shared with the thread
  std::condition_variable changed_;
  std::deque<Clone> ready_;
  std::deque<std::string> to_drop_;
  std::exception_ptr failure_;
  std::size_t waiting_ = 0;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace pgcycle::server
