#include "pgcycle/load/aside_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "pgcycle/load/foreign_key_check.hpp"
#include "pgcycle/load/sequences.hpp"
#include "pgcycle/load/table_copy.hpp"
#include "pgcycle/load/unvalidated_checks.hpp"
#include "pgcycle/load/user_triggers.hpp"
#include "pgcycle/load/wipe.hpp"
#include "pgcycle/load/workers.hpp"
#include "pgcycle/server/database_copy.hpp"
#include "pgcycle/server/database_swap.hpp"

namespace pgcycle::load {

namespace {

constexpr const char* kSessionsInTheWay = "55006";

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
    postgres::Connection session = server::open_target(copy, reporter);
    Workers workers(session, copy, jobs, reporter);
    workers.execute("SET session_replication_role = replica");
    const std::vector<const catalog::Table*> tables = plan.tables();
    std::vector<std::string> undo =
        rest_user_triggers(session, tables, FiringTriggers::of_replicas);
    const postgres::Result sizes = session.query(sizes_sql(tables));
    for (const std::string& statement :
         plan_wipe(session, {plan.schema, tables, {}, true}, sizes)) {
      session.execute(statement);
    }
    evaluate_pending(session, plan, tables);
    for (std::string& statement : rest_unvalidated_checks(session, plan.as_extracted(tables))) {
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
    workers.share_out(order.size(), [&](postgres::Connection& worker, std::size_t i) {
      report.rows[order[i]] = copy_rows(worker, plan.sources[order[i]]);
    });
    const auto keys = keys_to_prove(plan.schema, tables);
    workers.share_out(keys.size(), [&](postgres::Connection& worker, std::size_t i) {
      require_proven(worker, *keys[i], worker.query(proof_of(*keys[i]).sql), plan.sources);
    });
    report.foreign_keys_proven = keys.size();
    for (const catalog::Sequence& sequence : plan.schema.sequences) {
      if (sequence.uses.empty()) continue;
      const SequencePlace place =
          read_place(session, sequence, session.query(place_of(sequence).sql));
      for (const auto& statement : setting_of(sequence, place)) {
        session.execute(statement.sql);
      }
      ++report.sequences_set;
    }
    for (const catalog::QualifiedName& view : plan.schema.materialized_views) {
      session.execute("REFRESH MATERIALIZED VIEW " + view.sql());
      ++report.views_refreshed;
    }
    for (const std::string& statement : undo) session.execute(statement);
    workers.share_out(tables.size(), [&](postgres::Connection& worker, std::size_t i) {
      worker.execute("ANALYZE " + tables[i]->name.sql());
    });
  }
  swap.rename_in();
  return report;
}

}  // namespace pgcycle::load
