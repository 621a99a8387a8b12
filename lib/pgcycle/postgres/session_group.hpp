// Sessions that work side by side, each on a thread of its own.
//
// Thread rule: one thread at a time; the work runs on several.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "pgcycle/postgres/connection.hpp"

namespace pgcycle::postgres {

class SessionGroup {
 public:
  // `first` must outlive this.
  explicit SessionGroup(Connection& first) : first_(first) {}
  void add(Connection session) { others_.push_back(std::move(session)); }
  std::size_t size() const { return others_.size() + 1; }

  // Runs `work` once with each session and waits for all. Where one fails, what the others run is
  // cancelled; throws the first error.
  void run(const std::function<void(Connection&)>& work);

 private:
  Connection& first_;
  std::vector<Connection> others_;
};

}  // namespace pgcycle::postgres
