#include "pgcycle/dump/scratch_database.hpp"

#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/lease.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::dump {

namespace {

constexpr double kLeaseSeconds = 24 * 3600;  // only a clean-up for sessions that hang

}  // namespace

ScratchDatabase::ScratchDatabase(const server::Target& target, Reporter& reporter,
                                 const std::string& database)
    : ScratchDatabase(target, reporter, [&](const server::NewDatabase& fresh) {
        if (database.empty()) return fresh.create();
        server::copy_database(maintenance_, database, fresh.info().database());
      }) {}

ScratchDatabase::ScratchDatabase(const ResetRequest& request)
    : ScratchDatabase(
          request.target, request.reporter,
          [&request](const server::NewDatabase& fresh) { fill_database(request, fresh); }) {}

ScratchDatabase::ScratchDatabase(const server::Target& target, Reporter& reporter,
                                 const std::function<void(const server::NewDatabase&)>& make)
    : target_(target),
      reporter_(reporter),
      maintenance_(server::open_maintenance(target, reporter)) {
  const std::string session = to_hex(random_bytes(8));
  alive_ = std::make_unique<server::AdvisoryLock>(maintenance_, server::session_lock(session),
                                                  reporter_);
  server::drop_abandoned_databases(maintenance_, reporter_);
  const std::string name = server::clone_name(session, 0);
  target_.info = target_.info.with_database(name);
  try {
    make(server::NewDatabase(maintenance_, target_.info));
    server::lease_database(maintenance_, name, kLeaseSeconds);
  } catch (...) {
    server::drop_database(maintenance_, name);
    throw;
  }
}

ScratchDatabase::~ScratchDatabase() {
  try {
    server::drop_database(maintenance_, target_.database());
  } catch (const Error& error) {  // the next run drops it
    reporter_.verbose("{} stays: {}", target_.database(), error.message());
  }
}

}  // namespace pgcycle::dump
