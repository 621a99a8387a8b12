#include "pgcycle/load/aside_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>

#include "pgcycle/load/foreign_key_check.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/load/table_copy.hpp"
#include "pgcycle/load/unvalidated_checks.hpp"
#include "pgcycle/load/user_triggers.hpp"
#include "pgcycle/load/wipe.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_swap.hpp"

namespace pgcycle::load {

namespace {

constexpr const char* kSessionsInTheWay = "55006";

// Sessions with the copy, and the work they share out.
class Workers {
 public:
  Workers(const server::Target& copy, unsigned jobs, Reporter& reporter) {
    for (unsigned i = 0; i < std::max(jobs, 1U); ++i) {
      sessions_.push_back(server::open_target(copy, reporter));
      sessions_.back().execute("SET session_replication_role = replica");
    }
  }

  postgres::Connection& first() { return sessions_.front(); }

  // Calls `work` for 0 to `count` - 1, in that order, each on one of the sessions. Throws the
  // first exception, once all sessions have ended what they were at.
  void share_out(std::size_t count,
                 const std::function<void(postgres::Connection&, std::size_t)>& work) {
    std::mutex mutex;
    std::size_t next = 0;
    std::exception_ptr failure;
    std::vector<std::thread> threads;
    for (postgres::Connection& session : sessions_) {
      threads.emplace_back([&] {
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
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  std::vector<postgres::Connection> sessions_;
};

void make_copy(postgres::Connection& maintenance, const server::Target& target,
               const std::string& name) {
  try {
    server::copy_database(maintenance, target.database(), name);
  } catch (const Error& error) {
    if (error.sqlstate() != kSessionsInTheWay) throw;
    throw Error(ErrorCode::step,
                fmt::format("{} has sessions, and cannot be copied", target.database()))
        .detail(error.detail())
        .hint("end them, or load in a single transaction");
  }
}

}  // namespace

AsideLoadReport load_aside(const server::Target& target, SeedPlan& plan, unsigned jobs,
                           Reporter& reporter) {
  auto maintenance = server::open_maintenance(target, reporter);
  server::DatabaseSwap swap(maintenance, target, reporter);
  make_copy(maintenance, target, swap.new_name());
  AsideLoadReport report;
  {
    server::Target copy = target;
    copy.info = swap.new_database();
    Workers workers(copy, jobs, reporter);
    const std::vector<const catalog::Table*> tables = plan.tables();
    std::vector<std::string> undo =
        rest_user_triggers(workers.first(), tables, FiringTriggers::of_replicas);
    const postgres::Result sizes = workers.first().query(sizes_sql(tables));
    for (const std::string& statement :
         plan_wipe(workers.first(), {plan.schema, tables, {}, true}, sizes)) {
      workers.first().execute(statement);
    }
    evaluate_pending(workers.first(), plan, tables);
    for (std::string& statement :
         rest_unvalidated_checks(workers.first(), plan.as_extracted(tables))) {
      undo.push_back(std::move(statement));
    }

    // The largest first, so that none is left over at the end.
    std::vector<std::size_t> order(plan.sources.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&plan](std::size_t a, std::size_t b) {
      const auto rows = [&plan](std::size_t i) {
        const fixture::ManifestTable* entry = plan.manifest.find(plan.sources[i].table().name);
        return entry == nullptr ? 0 : entry->rows;
      };
      return rows(a) > rows(b);
    });
    report.rows.resize(plan.sources.size());
    workers.share_out(order.size(), [&](postgres::Connection& session, std::size_t i) {
      report.rows[order[i]] = copy_rows(session, plan.sources[order[i]]);
    });
    const auto keys = keys_to_prove(plan.schema, tables);
    workers.share_out(keys.size(), [&](postgres::Connection& session, std::size_t i) {
      const postgres::Result broken = session.query(proof_of(*keys[i]).sql);
      if (!broken.empty()) throw_violation(*keys[i], broken, plan.sources);
    });
    report.foreign_keys_proven = keys.size();
    for (const catalog::Sequence& sequence : plan.schema.sequences) {
      if (sequence.uses.empty()) continue;
      const SequencePlace place =
          read_place(workers.first(), sequence, workers.first().query(place_of(sequence).sql));
      for (const auto& statement : setting_of(sequence, place)) {
        workers.first().execute(statement.sql);
      }
      ++report.sequences_set;
    }
    for (const catalog::QualifiedName& view : plan.schema.materialized_views) {
      workers.first().execute("REFRESH MATERIALIZED VIEW " + view.sql());
      ++report.views_refreshed;
    }
    for (const std::string& statement : undo) workers.first().execute(statement);
    workers.share_out(tables.size(), [&](postgres::Connection& session, std::size_t i) {
      session.execute("ANALYZE " + tables[i]->name.sql());
    });
  }
  swap.rename_in();
  return report;
}

}  // namespace pgcycle::load
