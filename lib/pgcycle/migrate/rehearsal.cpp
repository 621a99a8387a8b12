#include "pgcycle/migrate/rehearsal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <tuple>

#include "pgcycle/catalog/content_hash.hpp"
#include "pgcycle/catalog/diff.hpp"
#include "pgcycle/postgres/statement_traits.hpp"
#include "pgcycle/server/guard.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::migrate {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// With more versions than this the way back is judged for all of them together: each judgement
// reads every row twice.
constexpr std::size_t kMostJudgedAlone = 20;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), std::size_t{120}));
}

// Of a statement that no transaction can hold, the locks are gone when it ends; these are what
// PostgreSQL's documentation says that it takes. Empty for any other.
std::string documented_lock(const std::string& statement) {
  return postgres::traits_of(statement).is_concurrent() ? "ShareUpdateExclusiveLock"
                                                        : std::string();
}

// Measures statements: what it asks of the server in between is not counted as theirs.
class Meter final : public RunObserver {
 public:
  void begin_step(const Version& version, const Step& step,
                  postgres::Connection& connection) override {
    version_ = version.name;
    step_ = step.name;
    if (connection_ != nullptr) return;  // in the transaction of the steps before it
    connection_ = &connection;
    before_ = look();
    names_ = names();
  }

  void end_steps() override {
    const auto now = Clock::now();
    for (const Held& held : held_) {
      facts_[held.statement].locks[held.lock].held_ms =
          std::chrono::duration<double, std::milli>(now - held.since).count();
    }
    held_.clear();
    connection_ = nullptr;
  }

  void before(const postgres::SqlStatement&) override { start_ = Clock::now(); }

  void after(const postgres::SqlStatement& statement) override {
    StatementFacts facts;
    facts.duration_ms = ms_since(start_);
    facts.version = version_;
    facts.step = step_;
    facts.text = first_line(statement.text);
    facts.place = statement.place;
    if (connection_->in_failed_transaction()) return;
    const Look now = look();
    facts.wal_bytes = now.position > before_.position ? now.position - before_.position : 0;
    for (const auto& [oid, file] : now.files) {
      const auto was = before_.files.find(oid);
      if (was != before_.files.end() && was->second != file) {
        facts.rewritten.push_back(name_of(oid));
      }
    }
    std::sort(facts.rewritten.begin(), facts.rewritten.end());
    for (const auto& lock : now.locks) {
      // Nobody else can want what the step itself has made.
      const auto old = names_.find(lock.second);
      if (old == names_.end() || before_.locks.contains(lock)) continue;
      held_.push_back({facts_.size(), facts.locks.size(), start_});
      facts.locks.push_back({lock.first, old->second, 0});
    }
    std::sort(facts.locks.begin(), facts.locks.end(), [](const LockTaken& a, const LockTaken& b) {
      return std::tie(a.mode, a.relation) < std::tie(b.mode, b.relation);
    });
    const std::string documented = documented_lock(statement.text);
    if (facts.locks.empty() && !documented.empty()) {
      facts.locks.push_back({documented, {}, facts.duration_ms});
    }
    facts_.push_back(std::move(facts));
    before_ = now;
    if (!connection_->in_transaction()) before_.locks.clear();
  }

  std::vector<StatementFacts> take() { return std::move(facts_); }

 private:
  using Oid = std::string;
  struct Look {
    std::uint64_t position = 0;
    std::set<std::pair<std::string, Oid>> locks;  // modes and relations
    std::map<Oid, std::string> files;
  };
  struct Held {
    std::size_t statement;
    std::size_t lock;
    Clock::time_point since;
  };

  // Where the log is, the locks that the session has, and the files of relations. Cheap, since it
  // stands between statements: names are looked up for what is told.
  Look look() {
    const auto results = connection_->query_all({
        {"SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')", {}},
        {"SELECT mode, relation FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() "
         "AND locktype = 'relation' AND granted AND mode <> 'AccessShareLock'",
         {}},
        {fmt::format("SELECT c.oid, pg_catalog.pg_relation_filenode(c.oid) {}", kRelations), {}},
    });
    Look out;
    out.position = static_cast<std::uint64_t>(std::stold(results[0].get(0, 0)));
    for (std::size_t i = 0; i < results[1].size(); ++i) {
      out.locks.emplace(results[1].get(i, 0), results[1].get(i, 1));
    }
    for (std::size_t i = 0; i < results[2].size(); ++i) {
      if (!results[2].is_null(i, 1)) out.files[results[2].get(i, 0)] = results[2].get(i, 1);
    }
    return out;
  }

  std::map<Oid, std::string> names() {
    const auto rows =
        connection_->query(fmt::format("SELECT c.oid, c.oid::pg_catalog.regclass {}", kRelations));
    std::map<Oid, std::string> out;
    for (std::size_t i = 0; i < rows.size(); ++i) out[rows.get(i, 0)] = rows.get(i, 1);
    return out;
  }

  std::string name_of(const Oid& oid) {
    const auto old = names_.find(oid);
    if (old != names_.end()) return old->second;
    return connection_->query("SELECT $1::pg_catalog.regclass", {oid}).get(0, 0);
  }

  // Users' own: those of the catalogue have smaller numbers.
  static constexpr const char* kRelations =
      "FROM pg_catalog.pg_class c WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'p', 'v', 'f') "
      "AND c.relpersistence <> 't' AND c.relnamespace IS DISTINCT FROM "
      "pg_catalog.to_regnamespace('pgcycle')";

  postgres::Connection* connection_ = nullptr;
  std::string version_;
  std::string step_;
  Clock::time_point start_;
  Look before_;
  std::map<Oid, std::string> names_;  // of the relations that were there before the steps
  std::vector<Held> held_;
  std::vector<StatementFacts> facts_;
};

struct State {
  catalog::Inventory inventory;
  std::map<std::string, catalog::TableContent> content;
};

class Rehearsal {
 public:
  explicit Rehearsal(const RehearsalRequest& request) : request_(request) {}

  RehearsalReport run() {
    const auto start = Clock::now();
    make_copy();
    report_.copy_ms = ms_since(start);
    const std::vector<Version> pending = pending_versions(request(false));
    report_.plan = plan_hash(pending);
    if (pending.empty()) return std::move(report_);
    const bool alone = pending.size() <= kMostJudgedAlone;
    const bool has_way_back = std::all_of(pending.begin(), pending.end(), all_can_go_back);
    std::vector<State> states;
    states.push_back(state(has_way_back));
    go_up(pending, alone, has_way_back, states);
    if (has_way_back) {
      go_down(pending, alone, states);
      const auto again = Clock::now();
      up(request(false));
      report_.up_again_ms = ms_since(again);
      const State end = state(false);
      looking_.reset();
      compare_end(states.back(), end);
    } else {
      looking_.reset();
      judge_partly(pending);
    }
    if (request_.of_production) estimate();
    note(pending);
    return std::move(report_);
  }

 private:
  static bool all_can_go_back(const Version& version) {
    return version.repeatable() ||
           std::all_of(version.steps.begin(), version.steps.end(),
                       [](const Step& step) { return step.down.has_value(); });
  }

  MigrateRequest request(bool measured) {
    MigrateRequest out{*target_,
                       request_.migration.config,
                       request_.migration.directory,
                       request_.migration.to,
                       request_.migration.sql_only,
                       false,
                       request_.migration.environment,
                       quiet_};
    out.guarded = false;
    out.out_of_order = request_.migration.out_of_order;
    out.accepted_changes = request_.migration.accepted_changes;
    if (measured) out.observer = &meter_;
    return out;
  }

  void make_copy() {
    if (!request_.dump.empty()) {
      source_ = std::make_unique<SchemaSource>(request_.dump.string(), request_.sources);
      target_ = source_->target();
      report_.source = request_.dump.string();
      return;
    }
    const server::Target& target = request_.migration.target;
    report_.source = target.database();
    if (!is_test_database()) {
      restore_live(target);
      return;
    }
    try {
      copy_ = std::make_unique<dump::ScratchDatabase>(target, request_.sources.reporter,
                                                      target.database());
      target_ = copy_->target();
    } catch (const Error& error) {
      if (error.sqlstate() == "3D000") {
        throw Error(ErrorCode::connect,
                    fmt::format("there is no database \"{}\" to copy", target.database()))
            .hint("make it with pgcycle-reset, or rehearse on a dump with --from-dump FILE");
      }
      if (error.sqlstate() != "55006" && error.sqlstate() != "42501") throw;
      request_.sources.reporter.verbose("{} is in use: it is dumped and restored",
                                        target.database());
      restore_live(target);
    }
  }

  // Nothing is made on a server that might be production's.
  bool is_test_database() const {
    if (request_.of_production) return false;
    const server::Target& target = request_.migration.target;
    auto maintenance = server::open_maintenance(target, request_.sources.reporter);
    try {
      server::require_test_database(maintenance, target, request_.sources.config,
                                    request_.sources.reporter, "copy the database");
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::guard) throw;
      return false;
    }
  }

  void restore_live(const server::Target& target) {
    copy_ = copy_aside(target, CopiedRows::all, request_.sources);
    target_ = copy_->target();
  }

  // The rows are read only where a way back is held against them.
  State state(bool with_rows) {
    const auto look = [&] {
      State out;
      out.inventory = catalog::load_inventory(*looking_);
      if (with_rows) out.content = catalog::content_of(*looking_);
      return out;
    };
    if (looking_) {
      try {
        return look();
      } catch (const Error&) {  // a migration may end every session but its own
      }
    }
    looking_.emplace(server::open_target(*target_, quiet_));
    return look();
  }

  void go_up(const std::vector<Version>& pending, bool alone, bool has_way_back,
             std::vector<State>& states) {
    const auto start = Clock::now();
    double judging = 0;
    for (const Version& version : pending) {
      MigrateRequest step = request(true);
      if (alone && !version.repeatable()) step.to = version.name;
      const auto begin = Clock::now();
      const MigrateReport report = up(step);
      report_.checks.insert(report_.checks.end(), report.checks.begin(), report.checks.end());
      report_.versions.push_back({version.name, WayBack::one_way, {}, ms_since(begin)});
      steps_run_.push_back(report.steps_run);
      if (!alone) break;
      const auto judged = Clock::now();
      states.push_back(state(has_way_back && &version != &pending.back()));
      judging += ms_since(judged);
    }
    report_.up_ms = ms_since(start) - judging;
    report_.statements = meter_.take();
    if (alone) return;
    report_.versions.front().version =
        fmt::format("{} to {}", pending.front().name, pending.back().name);
    states.push_back(state(false));
  }

  // After each version's way back the database must be as it was before that version.
  void go_down(const std::vector<Version>& pending, bool alone, const std::vector<State>& states) {
    if (!alone) {
      const auto start = Clock::now();
      const auto repeated = std::count_if(pending.begin(), pending.end(),
                                          [](const Version& v) { return v.repeatable(); });
      take_back(steps_run_.front() - static_cast<std::size_t>(repeated));
      report_.down_ms = ms_since(start);
      judge(report_.versions.front(), states.front());
      return;
    }
    for (std::size_t i = pending.size(); i-- > 0;) {
      if (pending[i].repeatable()) continue;
      const auto start = Clock::now();
      take_back(steps_run_[i]);
      report_.down_ms += ms_since(start);
      judge(report_.versions[i], states[i]);
    }
  }

  // What was done before stays, as do scripts that were skipped.
  void take_back(std::size_t steps) {
    if (steps == 0) return;
    MigrateRequest back = request(false);
    back.to.clear();
    back.steps = steps;
    down(back);
  }

  void judge(RehearsedVersion& version, const State& before) {
    const State now = state(true);
    for (const catalog::ObjectChange& change : catalog::compare(before.inventory, now.inventory)) {
      if (!catalog::is_only_order(change)) {
        version.differences.push_back(catalog::to_string(change));
      }
    }
    for (std::string& line : catalog::compare(before.content, now.content)) {
      version.differences.push_back(std::move(line));
    }
    // What a later version's way back had lost is not this one's fault.
    std::erase_if(version.differences, [this](const std::string& line) {
      return !lost_.insert(line.substr(0, line.find(':'))).second;
    });
    version.way_back = version.differences.empty() ? WayBack::lossless : WayBack::lossy;
  }

  // Where some version has no way back, none before it can be judged.
  void judge_partly(const std::vector<Version>& pending) {
    for (std::size_t i = 0; i < report_.versions.size(); ++i) {
      for (const Step& step : pending[i].steps) {
        if (!step.down) {
          report_.versions[i].differences.push_back(step.name + " has no .down.sql");
        }
      }
      if (report_.versions[i].differences.empty()) {
        report_.versions[i].differences.emplace_back("a later version has no way back");
      }
    }
  }

  static void compare_end(const State& first_time, const State& second_time) {
    std::string detail;
    for (const catalog::ObjectChange& change :
         catalog::compare(first_time.inventory, second_time.inventory)) {
      if (!catalog::is_only_order(change)) detail += catalog::to_string(change) + "\n";
    }
    if (detail.empty()) return;
    throw Error(ErrorCode::check, "up, down and up again does not end as up alone")
        .detail(detail)
        .hint("correct the .down.sql files, which leave something behind");
  }

  // Work grows with rows: a statement on a table takes so many times as long.
  void estimate() {
    const auto url = request_.migration.config.text_if_set("production.url");
    if (!url) return;
    auto production = postgres::Connection::open(postgres::ConnectionInfo::parse(*url),
                                                 {"pgcycle-migrate", &quiet_, false});
    const postgres::Transaction reading(production, postgres::Transaction::Mode::snapshot);
    auto copy = server::open_target(*target_, quiet_);
    constexpr const char* kRows =
        "SELECT c.oid::regclass::text, greatest(c.reltuples, 1) FROM pg_catalog.pg_class c WHERE "
        "c.relkind IN ('r', 'p', 'm')";
    const auto rows_of = [&](postgres::Connection& connection) {
      std::map<std::string, double> rows;
      connection.execute("SET search_path = public");
      const auto result = connection.query(kRows);
      for (std::size_t i = 0; i < result.size(); ++i) {
        rows[result.get(i, 0)] = std::stod(result.get(i, 1));
      }
      return rows;
    };
    const auto there = rows_of(production);
    const auto here = rows_of(copy);
    for (StatementFacts& facts : report_.statements) {
      double factor = 1;
      for (const LockTaken& lock : facts.locks) {
        const auto one = there.find(lock.relation);
        const auto other = here.find(lock.relation);
        if (one == there.end() || other == here.end()) continue;
        factor = std::max(factor, one->second / other->second);
      }
      facts.estimated_ms = facts.duration_ms * factor;
    }
  }

  // That it was clean, and for lint the lines of statements that wrote a table again.
  void note(const std::vector<Version>& pending) const {
    nlohmann::ordered_json rewrites = nlohmann::ordered_json::object();
    for (const Version& version : pending) {
      for (const Step& step : version.steps) {
        auto& lines = rewrites[step.checksum] = nlohmann::ordered_json::array();
        for (const StatementFacts& facts : report_.statements) {
          if (facts.version == version.name && facts.step == step.name &&
              !facts.rewritten.empty()) {
            lines.push_back(facts.place.line);
          }
        }
      }
    }
    fs::create_directories(request_.notes);
    const nlohmann::ordered_json note{{"rehearsed_at", std::time(nullptr)}, {"rewrites", rewrites}};
    write_file_atomically(request_.notes / (report_.plan + ".json"), note.dump(1) + "\n");
  }

  const RehearsalRequest& request_;
  SilentReporter quiet_;
  Meter meter_;
  std::vector<std::size_t> steps_run_;  // of each of the report's versions
  std::set<std::string> lost_;          // objects that some way back did not bring back
  std::unique_ptr<SchemaSource> source_;
  std::unique_ptr<dump::ScratchDatabase> copy_;
  std::optional<server::Target> target_;
  // Let go of before the copy is dropped: the server is slow to drop what sessions are only about
  // to leave.
  std::optional<postgres::Connection> looking_;
  RehearsalReport report_;
};

}  // namespace

std::string_view name_of(WayBack way) {
  switch (way) {
    case WayBack::lossless:
      return "lossless";
    case WayBack::lossy:
      return "lossy";
    case WayBack::one_way:
      return "one-way";
  }
  return "unknown";
}

RehearsalReport rehearse(const RehearsalRequest& request) { return Rehearsal(request).run(); }

bool was_rehearsed(const fs::path& notes, const std::string& plan) {
  return fs::exists(notes / (plan + ".json"));
}

}  // namespace pgcycle::migrate
