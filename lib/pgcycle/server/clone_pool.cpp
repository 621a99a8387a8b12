#include "pgcycle/server/clone_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_swap.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/server/lease.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::server {

namespace {

using std::chrono::steady_clock;

std::string new_session() { return to_hex(random_bytes(8)); }

}  // namespace

ClonePool::ClonePool(const Target& target, ClonePoolSettings settings, Reporter& reporter)
    : target_(target),
      settings_(std::move(settings)),
      reporter_(reporter),
      session_(new_session()),
      maintenance_(open_maintenance(target, reporter)),
      alive_(maintenance_, session_lock(session_), reporter),
      original_name_(clone_name(session_, next_number_++)) {
  try {
    if (settings_.source_may_change) {
      source_copy_ = clone_name(session_, next_number_++);
      copy_database(maintenance_, settings_.source, source_copy_);
      lease_database(maintenance_, source_copy_, settings_.lease_seconds);
      settings_.source = source_copy_;
    }
    copy_database(maintenance_, settings_.source, original_name_);
    lease_database(maintenance_, original_name_, settings_.lease_seconds);
    original_ = std::make_unique<postgres::Connection>(postgres::Connection::open(
        target_.info.with_database(original_name_), {target_.application_name, &reporter_, false}));
    in_place_ = std::make_unique<InPlaceReset>(maintenance_, *original_);
  } catch (...) {
    drop_all();
    throw;
  }
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);  // the first one is not to be waited for either
  changed_.wait(lock, [this] { return !ready_.empty() || failure_ || interrupt_requested(); });
}

ClonePool::~ClonePool() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  thread_.join();
  drop_all();
}

void ClonePool::drop_all() noexcept {
  original_.reset();
  const std::vector<std::string> names = names_in_use();
  released_.clear();
  acquired_.clear();
  ready_.clear();
  for (const std::string& name : names) {
    try {
      drop_database(maintenance_, name);
    } catch (const Error& error) {  // the next run drops it
      reporter_.verbose("{} stays: {}", name, error.message());
    }
  }
}

// The thread: clones ahead of demand, drops behind it.
void ClonePool::run() {
  try {
    auto connection = open_maintenance(target_, reporter_);
    auto renewed = steady_clock::now();
    const auto renewal = std::chrono::duration<double>(settings_.lease_seconds / 3);
    for (;;) {
      std::string name;
      bool make = false;
      {
        std::unique_lock lock(mutex_);
        const auto has_work = [this] {
          return done_ || !to_drop_.empty() || ready_.size() < settings_.ready + waiting_;
        };
        changed_.wait_for(lock, renewal, has_work);
        if (done_) return;
        make = ready_.size() < settings_.ready + waiting_;
        if (!make && !to_drop_.empty()) {
          name = to_drop_.front();
          to_drop_.pop_front();
        }
      }
      if (make) {
        Clone clone = make_clone(connection);
        const std::lock_guard lock(mutex_);
        ready_.push_back(std::move(clone));
        changed_.notify_all();
      } else if (!name.empty()) {
        drop_database(connection, name);
      }
      if (steady_clock::now() - renewed > renewal) {
        renew_leases(connection);
        renewed = steady_clock::now();
      }
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    changed_.notify_all();
  }
}

ClonePool::Clone ClonePool::make_clone(postgres::Connection& connection) {
  Clone clone;
  clone.name = clone_name(session_, next_number_++);
  copy_database(connection, settings_.source, clone.name);
  mark_test_database(connection, clone.name);
  lease_database(connection, clone.name, settings_.lease_seconds);
  watch(clone);
  return clone;
}

void ClonePool::watch(Clone& clone) {
  clone.session = std::make_unique<postgres::Connection>(postgres::Connection::open(
      target_.info.with_database(clone.name), {target_.application_name, nullptr, false}));
  clone.watched = in_place_->watch(*clone.session);
}

void ClonePool::renew_leases(postgres::Connection& connection) {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    names = names_in_use();
  }
  for (const std::string& name : names) {
    if (database_exists(connection, name)) {
      lease_database(connection, name, settings_.lease_seconds);
    }
  }
}

std::vector<std::string> ClonePool::names_in_use() {
  std::vector<std::string> names{original_name_};
  if (!source_copy_.empty()) names.push_back(source_copy_);
  for (const Clone& clone : released_) names.push_back(clone.name);
  for (const auto& [name, clone] : acquired_) names.push_back(name);
  for (const Clone& clone : ready_) names.push_back(clone.name);
  names.insert(names.end(), to_drop_.begin(), to_drop_.end());
  return names;
}

ClonePool::Clone ClonePool::take() {
  bool none = false;
  {
    const std::lock_guard lock(mutex_);
    none = ready_.empty();
  }
  if (none) settle();  // one that came back may be ready sooner than a new one
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.notify_all();
  while (ready_.empty() && !failure_ && !interrupt_requested()) {
    changed_.wait_for(lock, std::chrono::milliseconds(100));
  }
  --waiting_;
  if (!ready_.empty()) {
    Clone clone = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return clone;
  }
  if (failure_) std::rethrow_exception(failure_);
  throw Error(ErrorCode::interrupted, "interrupted");
}

postgres::ConnectionInfo ClonePool::acquire() {
  Clone clone = take();
  const std::string name = clone.name;
  const std::lock_guard lock(mutex_);
  acquired_.emplace(name, std::move(clone));
  most_acquired_ = std::max(most_acquired_, acquired_.size());
  return target_.info.with_database(name);
}

ClonePool::Clone& ClonePool::acquired(const std::string& database) {
  const auto found = acquired_.find(database);
  if (found == acquired_.end()) {
    throw Error(ErrorCode::usage, fmt::format("no acquired database \"{}\"", database))
        .hint("acquire answers with the name to give");
  }
  return found->second;
}

InPlaceOutcome ClonePool::reset(const std::string& database) {
  Clone& clone = acquired(database);
  InPlaceOutcome outcome = put_back(clone);
  if (outcome.way == ResetWay::reclone) {
    replace(clone);
  } else {
    last_reset_ = database;
  }
  return outcome;
}

InPlaceOutcome ClonePool::put_back(Clone& clone) {
  if (!clone.session) return {ResetWay::reclone, {}, "its last reset failed"};
  return in_place_->reset(clone.watched, *clone.session);
}

// A clone that is ready takes over the name, so that the URL stays what it is.
void ClonePool::replace(Clone& clone) {
  Clone fresh = take();
  clone.session.reset();
  fresh.session.reset();
  Target target = target_;
  target.info = target.info.with_database(clone.name);
  try {
    DatabaseSwap swap(maintenance_, target, reporter_);
    swap.adopt(fresh.name);
    swap.lease(settings_.lease_seconds);
    swap.rename_in();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    to_drop_.push_back(fresh.name);
    changed_.notify_all();
    throw;
  }
  watch(clone);
}

void ClonePool::release(const std::string& database) {
  acquired(database);
  const std::lock_guard lock(mutex_);
  released_.push_back(std::move(acquired_.extract(database).mapped()));
}

void ClonePool::settle() {
  if (const std::string database = std::exchange(last_reset_, {}); !database.empty()) {
    if (const auto found = acquired_.find(database); found != acquired_.end()) {
      in_place_->settle(found->second.watched, *found->second.session);
    }
  }
  while (!released_.empty()) {
    // It stays listed meanwhile, for the thread that renews leases and for the end.
    const InPlaceOutcome outcome = put_back(released_.front());
    const std::lock_guard lock(mutex_);
    Clone clone = std::move(released_.front());
    released_.pop_front();
    if (outcome.way == ResetWay::reclone || ready_.size() >= settings_.ready + most_acquired_) {
      clone.session.reset();
      to_drop_.push_back(clone.name);
    } else {
      ready_.push_back(std::move(clone));
    }
    changed_.notify_all();
  }
}

}  // namespace pgcycle::server
