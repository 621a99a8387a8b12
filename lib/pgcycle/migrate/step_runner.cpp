#include "pgcycle/migrate/step_runner.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <future>
#include <utility>

#include "pgcycle/migrate/backfill.hpp"
#include "pgcycle/migrate/lone_statement.hpp"
#include "pgcycle/migrate/map_columns.hpp"
#include "pgcycle/migrate/rekey.hpp"
#include "pgcycle/postgres/identifier.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/interrupt.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::migrate {

namespace {

using postgres::SqlStatement;
using postgres::StatementTraits;
using postgres::TransactionControl;

constexpr std::size_t kVersionsInFirstText = 5;  // for which the server waits
constexpr std::size_t kVersionsInAText = 100;
constexpr std::size_t kOutputTail = 20000;  // of a script's output, kept in the journal
constexpr std::size_t kShownTail = 2000;    // of it, in an error

// Of a statement that is run again: what it makes is there, or what it drops is gone.
bool says_done(const Error& error) {
  constexpr std::array kStates{"42P04", "42710", "3D000", "42704"};
  return std::ranges::find(kStates, error.sqlstate()) != kStates.end();
}

// A data step, as observers of statements see it.
SqlStatement whole_of(const Step& step) {
  SqlStatement out;
  out.text = step.file.filename().string();
  out.place = {step.file.string(), 1, 1};
  return out;
}

// Text that a database of UTF-8 takes: what is none becomes question marks.
std::string valid_text(std::string text) {
  constexpr std::size_t kLongest = 4;  // bytes of one character
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t most = std::min(kLongest, text.size() - at);
    std::size_t length = 1;
    while (length <= most && !simdjson::validate_utf8(text.data() + at, length)) ++length;
    if (length > most || text[at] == 0) {
      length = 1;
      text[at] = '?';
    }
    at += length;
  }
  return text;
}

// Hands on whole lines as they come and keeps the end of all.
class LineSplitter {
 public:
  explicit LineSplitter(Reporter& reporter) : reporter_(reporter) {}
  void operator()(std::string_view piece) {
    tail_.append(piece);
    if (tail_.size() > 2 * kOutputTail) tail_.erase(0, tail_.size() - kOutputTail);
    pending_.append(piece);
    for (std::size_t end = pending_.find('\n'); end != std::string::npos;
         end = pending_.find('\n')) {
      reporter_.info("  {}", pending_.substr(0, end));
      pending_.erase(0, end + 1);
    }
  }
  // The last of it, from the beginning of a line, as text that a database takes.
  std::string tail(std::size_t most) const {
    std::string out = tail_;
    if (out.size() > most) {
      out.erase(0, out.size() - most);
      out.erase(0, out.find('\n') + 1);
    }
    return valid_text(std::move(out));
  }

 private:
  Reporter& reporter_;
  std::string pending_;
  std::string tail_;
};

void add_version_done(SqlRun& run, const Version& version) {
  for (postgres::Statement& statement : Journal::version_done(version)) {
    run.add(std::move(statement));
  }
}

}  // namespace

void StepRunner::run(const Version& version, const Step& step, const StepRecord* earlier,
                     bool completes_version) {
  checks_.clear();
  if (earlier != nullptr && earlier->state != "done" && earlier->statements_done > 0 &&
      step.is_sql() && !step.no_transaction) {
    throw Error(ErrorCode::check, fmt::format("{} statements of {} are done, one by one",
                                              earlier->statements_done, step.name))
        .at(step.file.string())
        .hint("keep \"-- pgcycle: no-transaction\" at its head, so that it goes on behind them");
  }
  if (step.kind == StepKind::script) {
    run_script(version, step, completes_version);
  } else if (step.kind == StepKind::backfill) {
    run_backfill(version, step, earlier, completes_version);
  } else if (step.no_transaction) {
    journal_.run(Journal::started(version, step));
    Notes notes;
    notes.done = [&](std::size_t done, const std::string& hash) {
      return Journal::statements_done(version, step, done, hash);
    };
    if (earlier != nullptr && earlier->state != "done") {
      notes.start = earlier->statements_done;
      notes.running = earlier->running;
      notes.before = earlier->before;
      notes.hash_of_done = earlier->progress;
    }
    run_statements(version, step, read_up(step), step.file, std::move(notes));
    verify(step);
    finish(version, step, completes_version);
  } else {
    in_transaction(step.keeps_session, [&](SqlRun& run) {
      const bool with_version = completes_version && version.alembic.empty();
      add_step(run, version, step, with_version);
      if (completes_version && !with_version) add_version_done(run, version);
    });
  }
}

void StepRunner::run_in_a_row(const std::vector<const Version*>& versions,
                              const std::function<std::size_t()>& first_to_run) {
  bool by_text = true;
  with_patience([&](SqlRun& run) {
    std::size_t first = first_to_run();
    if (std::exchange(by_text, false)) {
      if (ran_as_text(std::span(versions).subspan(first))) return;
      first = first_to_run();
    }
    for (std::size_t i = first; i < versions.size(); ++i) {
      add_begin(run);
      add_step(run, *versions[i], versions[i]->steps.front(), true);
      run.add(postgres::Statement{"COMMIT", {}});
    }
  });
}

// Texts of many versions, which the server reads fastest; the next is made while it works. What
// fails is run again statement by statement, which tells its place.
bool StepRunner::ran_as_text(std::span<const Version* const> versions) {
  std::size_t most = kVersionsInFirstText;
  const auto make_next = [&] {
    const auto some = versions.first(std::min(most, versions.size()));
    most = kVersionsInAText;
    versions = versions.subspan(some.size());
    return std::async(std::launch::async, [this, some] { return text_of(some); });
  };
  for (auto next = make_next(); next.valid();) {
    const std::optional<std::string> text = next.get();
    if (!text) return false;
    if (!versions.empty()) next = make_next();
    throw_if_interrupted();
    try {
      connection_.execute(*text);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::statement) throw;
      try {
        connection_.execute((connection_.in_transaction() ? "ROLLBACK;\n" : "") + end_of_text());
      } catch (const Error& gone) {
        if (gone.code() != ErrorCode::statement) throw;
      }
      if (is_lock_failure(error)) throw;
      return false;
    }
  }
  return true;
}

// Nothing where something in them is more than text. What each transaction begins and ends with is
// set and planned once, and gone at the end of the text, which a pooler leaves on one session.
std::optional<std::string> StepRunner::text_of(std::span<const Version* const> versions) const {
  const postgres::Statement row =
      Journal::applied_at_first(*versions[0], versions[0]->steps.front());
  const std::vector<std::string> types(row.parameters.size(), "text");
  std::string text = patience_.session_setting();
  if (!text.empty()) text += ";\n";
  text += fmt::format("PREPARE {} AS {};\nPREPARE {} ({}) AS {};\n", begin_name_, journal_.fence(),
                      done_name_, fmt::join(types, ", "), row.sql);
  const std::string begin = fmt::format("BEGIN;\nEXECUTE {};\n", begin_name_);
  for (const Version* version : versions) {
    const Step& step = version->steps.front();
    text += begin;
    const std::string sql = read_up(step);
    postgres::SqlReader reader(sql, step.file.string(), {request_.standard_conforming_strings});
    while (const auto statement = reader.next()) {
      if (!SqlRun::is_plain(*statement)) return std::nullopt;
      text += statement->text + "\n;\n";
    }
    std::vector<std::string> values;
    for (const auto& value : Journal::applied_at_first(*version, step).parameters) {
      values.push_back(postgres::quote_literal(value.value()));
    }
    text += fmt::format("EXECUTE {} ({});\nCOMMIT;\n", done_name_, fmt::join(values, ", "));
  }
  return text + end_of_text();
}

std::string StepRunner::end_of_text() const {
  return fmt::format("DEALLOCATE {};\nDEALLOCATE {}{}", begin_name_, done_name_,
                     patience_.session_setting().empty() ? "" : ";\nRESET lock_timeout");
}

void StepRunner::run_together(const Version& version, const std::vector<const Step*>& steps) {
  in_transaction(false, [&](SqlRun& run) {
    checks_.clear();
    for (const Step* step : steps) {
      if (request_.observer != nullptr) {
        run.flush();
        request_.observer->begin_step(version, *step, connection_);
      }
      add_step(run, version, *step, false);
    }
    if (version.checks) {
      run.flush();
      const auto results = run_checks(connection_, read_checks(*version.checks));
      require_passed(results, fmt::format("after {}", version.name));
      checks_.insert(checks_.end(), results.begin(), results.end());
    }
    add_version_done(run, version);
  });
}

void StepRunner::take_back(const Version& version, const Step& step, const StepRecord& record) {
  checks_.clear();
  if (!step.down_no_transaction) {
    in_transaction(false, [&](SqlRun& run) {
      const std::string sql = read_down(step);
      postgres::SqlReader reader(sql, step.down->string(), {request_.standard_conforming_strings});
      while (auto statement = reader.next()) run.add(std::move(*statement));
      add_own_role(run);
      for (const postgres::Statement& statement : Journal::taken_back(version, step)) {
        run.add(statement);
      }
    });
    return;
  }
  Notes notes;
  notes.done = [&](std::size_t done, const std::string& hash) {
    return Journal::being_taken_back(version, step, done, hash);
  };
  if (record.taken_back) {
    notes.start = *record.taken_back;
    notes.hash_of_done = record.progress;
  } else {
    journal_.run(Journal::being_taken_back(version, step, 0, {}));
  }
  notes.running = record.running;
  notes.before = record.before;
  run_statements(version, step, read_down(step), *step.down, std::move(notes));
  connection_.query_all(Journal::taken_back(version, step));
}

// One transaction, tried again when it meets a lock. A step's own settings, role and temporary
// tables do not reach the next one.
void StepRunner::in_transaction(bool keeps_session, const std::function<void(SqlRun& run)>& work) {
  with_patience([&](SqlRun& run) {
    add_begin(run);
    work(run);
    run.add(postgres::Statement{"COMMIT", {}});
    if (!keeps_session) add_session_reset(run);
  });
}

void StepRunner::add_begin(SqlRun& run) {
  run.add(postgres::Statement{"BEGIN", {}});
  for (const std::string& sql : opening()) run.add(postgres::Statement{sql, {}});
}

// What each transaction begins with.
std::vector<std::string> StepRunner::opening() const {
  std::vector<std::string> out{journal_.fence()};
  if (std::string setting = patience_.setting(); !setting.empty()) {
    out.push_back(std::move(setting));
  }
  return out;
}

// What `work` adds; rolled back and done again when it meets a lock.
void StepRunner::with_patience(const std::function<void(SqlRun& run)>& work) {
  patience_.run([&] {
    try {
      SqlRun run(connection_, request_.reporter, request_.observer);
      work(run);
      run.flush();
    } catch (...) {
      if (connection_.in_transaction()) connection_.execute("ROLLBACK");
      throw;
    }
  });
}

// The step as a part of a transaction: its own statements and its journal row.
void StepRunner::add_step(SqlRun& run, const Version& version, const Step& step,
                          bool completes_version) {
  if (!step.is_sql()) {
    run.flush();
    if (request_.observer != nullptr) request_.observer->before(whole_of(step));
  }
  if (step.kind == StepKind::rekey) {
    const RekeyReport report = run_rekey(connection_, step.file);
    request_.reporter.info("  {} keys changed, {} links in {} references carried along",
                           report.keys, report.links, report.references);
  } else if (step.kind == StepKind::map_columns) {
    const MapColumnsReport report = run_map_columns(connection_, step.file);
    request_.reporter.info("  {} rows mapped{}", report.rows,
                           report.lost.empty() ? "" : "; lost: " + report.lost);
  } else {
    const std::string sql = read_up(step);
    postgres::SqlReader reader(sql, step.file.string(), {request_.standard_conforming_strings});
    while (auto statement = reader.next()) run.add(std::move(*statement));
  }
  if (!step.is_sql() && request_.observer != nullptr) request_.observer->after(whole_of(step));
  if (step.verify) {
    run.flush();
    verify(step);
  }
  if (!step.keeps_session) add_own_role(run);
  run.add(Journal::applied(version, step, completes_version));
}

// The journal's rows are written by who connected, whatever role the file has taken on; behind
// the transaction that role is back.
void StepRunner::add_own_role(SqlRun& run) {
  run.add(postgres::Statement{"SET LOCAL SESSION AUTHORIZATION DEFAULT", {}});
  run.add(postgres::Statement{"SET LOCAL role TO DEFAULT", {}});
}

// --- statement by statement ---

void StepRunner::run_statements(const Version& version, const Step& step, const std::string& sql,
                                const std::filesystem::path& file, Notes notes) {
  if (notes.start > 0) {
    request_.reporter.notice("{} goes on behind its statement {}", step.name, notes.start);
  }
  postgres::SqlReader reader(sql, file.string(), {request_.standard_conforming_strings});
  std::size_t number = 0;
  while (auto statement = reader.next()) {
    notes.hash = to_hex(sha256(notes.hash + statement->text));
    if (number < notes.start) {
      if (++number == notes.start && !notes.hash_of_done.empty() &&
          notes.hash_of_done != notes.hash) {
        throw Error(ErrorCode::check,
                    fmt::format("the first {} statements of {} are done, and have changed since",
                                notes.start, step.name))
            .at(file.string())
            .hint("put them back as they were; what comes behind them may change");
      }
      // What it set for the session must hold for what follows.
      if (postgres::traits_of(statement->text).changes_session) execute(*statement);
      continue;
    }
    run_one(version, step, *statement, number, notes);
    ++number;
  }
  if (connection_.in_transaction()) {
    connection_.execute("ROLLBACK");
    throw Error(ErrorCode::input, "the file ends inside a transaction that it began")
        .at(file.string())
        .hint("end it with COMMIT; what it did in there was rolled back");
  }
  SqlRun run(connection_, request_.reporter);
  add_session_reset(run);
  run.flush();
}

void StepRunner::run_one(const Version& version, const Step& step, const SqlStatement& statement,
                         std::size_t number, Notes& notes) {
  const StatementTraits traits = postgres::traits_of(statement.text);
  if (statement.kind == SqlStatement::Kind::echo) {
    execute(statement);
  } else if (connection_.in_transaction() || traits.control == TransactionControl::begin) {
    // The file's own transaction: what is noted commits with it.
    if (traits.control == TransactionControl::commit) note(notes.done(number + 1, notes.hash));
    execute(statement);
    if (!connection_.in_transaction() && traits.control == TransactionControl::rollback) {
      note(notes.done(number + 1, notes.hash));
    }
  } else if (traits.outside_transaction) {
    run_outside_transaction(version, step, statement, traits, number, notes);
  } else if (traits.changes_session || traits.control != TransactionControl::none) {
    execute(statement);
    note(notes.done(number + 1, notes.hash));
  } else {
    with_patience([&](SqlRun& run) {
      run.add(postgres::Statement{"BEGIN", {}});
      if (const std::string setting = patience_.setting(); !setting.empty()) {
        run.add(postgres::Statement{setting, {}});
      }
      run.add(statement);
      // Only now, since the file's role may not touch the journal.
      add_own_role(run);
      run.add(postgres::Statement{journal_.fence(), {}});
      run.add(notes.done(number + 1, notes.hash));
      run.add(postgres::Statement{"COMMIT", {}});
    });
  }
}

// Role, settings and temporary tables as they were before the step.
void StepRunner::add_session_reset(SqlRun& run) {
  for (const char* sql :
       {"RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL", "DISCARD TEMP"}) {
    run.add(postgres::Statement{sql, {}});
  }
}

// Between a file's statements: in the transaction that it has begun, or in one of its own.
void StepRunner::note(const postgres::Statement& statement) {
  const bool own = !connection_.in_transaction();
  SqlRun run(connection_, request_.reporter);
  if (own) run.add(postgres::Statement{"BEGIN", {}});
  add_own_role(run);
  run.add(postgres::Statement{journal_.fence(), {}});
  run.add(statement);
  if (own) run.add(postgres::Statement{"COMMIT", {}});
  run.flush();
}

// Killed between a statement and its note, the next run must tell whether it was done: so what
// was there before it is noted first.
void StepRunner::run_outside_transaction(const Version& version, const Step& step,
                                         const SqlStatement& statement,
                                         const StatementTraits& traits, std::size_t number,
                                         Notes& notes) {
  constexpr int kTries = 3;
  LoneStatement lone(connection_, traits, request_.reporter);
  bool cut_off = notes.running == number;
  if (!cut_off) {
    notes.before = lone.before();
    notes.running = number;
    note(Journal::running(version, step, number, notes.before));
  }
  for (int tries = 1; !cut_off || !lone.was_done(notes.before); ++tries, cut_off = true) {
    try {
      execute(statement);
      break;
    } catch (const Error& error) {
      if (cut_off && (says_done(error) || lone.was_done(notes.before))) {
        request_.reporter.notice("statement {} of {} was done before: {}", number + 1, step.name,
                                 error.message());
        break;
      }
      if (!is_lock_failure(error) || tries == kTries) throw;
      request_.reporter.notice("{}, trying again", error.message());
    }
  }
  if (cut_off) lone.clear_away(notes.before);
  notes.running.reset();
  note(notes.done(number + 1, notes.hash));
}

void StepRunner::execute(const SqlStatement& statement) {
  SqlRun run(connection_, request_.reporter);
  if (request_.observer != nullptr) request_.observer->before(statement);
  run.run_alone(statement);
  if (request_.observer != nullptr) request_.observer->after(statement);
}

// --- scripts and data ---

void StepRunner::run_script(const Version& version, const Step& step, bool completes_version) {
  journal_.run(Journal::started(version, step));
  ProcessSpec spec;
  spec.command = {step.file.string()};
  spec.working_directory = step.file.parent_path().string();
  spec.environment = request_.target.info.environment();
  spec.environment["PGCYCLE_DB_URL"] = request_.target.info.uri(true);
  spec.environment["PGCYCLE_VERSION"] = version.name;
  spec.environment["PGCYCLE_STEP"] = step.name;
  spec.environment["PGAPPNAME"] = "pgcycle-migrate";
  spec.own_session = true;
  const double timeout = step.timeout_seconds > 0
                             ? step.timeout_seconds
                             : request_.config.duration_seconds("migrations.scriptTimeout");
  LineSplitter output(request_.reporter);
  const auto sink = [&output](std::string_view piece) { output(piece); };
  const ProcessResult result = [&] {
    try {
      return run_process(spec, {}, sink, sink, timeout);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::step) throw;
      throw Error(ErrorCode::step, fmt::format("{} took longer than {:.3g} s",
                                               step.file.filename().string(), timeout))
          .at(step.file.string())
          .detail(output.tail(kShownTail))
          .hint(
              "give it more time with \"pgcycle: timeout 10min\" in a comment at its head, or "
              "migrations.scriptTimeout");
    }
  }();
  if (!result.ok()) {
    throw Error(ErrorCode::step, fmt::format("{} failed with status {}",
                                             step.file.filename().string(), result.exit_status))
        .at(step.file.string())
        .detail(output.tail(kShownTail))
        .hint("correct it and run up again: the script then runs from its start");
  }
  verify(step);
  finish(version, step, completes_version, output.tail(kOutputTail));
}

void StepRunner::run_backfill(const Version& version, const Step& step, const StepRecord* earlier,
                              bool completes_version) {
  journal_.run(Journal::started(version, step));
  const std::string from =
      earlier != nullptr && earlier->state != "done" ? earlier->progress : std::string();
  const std::uint64_t rows = migrate::run_backfill(
      connection_, step.file, from,
      [&](const std::string& key) { journal_.note_progress(version, step, key); },
      [&](const std::function<void()>& batch) { patience_.run(batch); },
      fmt::format("{}", fmt::join(opening(), "; ")), request_.reporter);
  request_.reporter.info("  {} rows filled", rows);
  verify(step);
  finish(version, step, completes_version);
}

void StepRunner::finish(const Version& version, const Step& step, bool completes_version,
                        const std::string& output) {
  std::vector<postgres::Statement> statements{Journal::done(version, step, output)};
  if (completes_version) {
    for (postgres::Statement& statement : Journal::version_done(version)) {
      statements.push_back(std::move(statement));
    }
  }
  connection_.query_all(statements);
}

void StepRunner::verify(const Step& step) {
  if (!step.verify) return;
  const auto results = run_checks(connection_, read_checks(*step.verify));
  checks_.insert(checks_.end(), results.begin(), results.end());
  require_passed(results, fmt::format("in the verify file of {}", step.name));
}

}  // namespace pgcycle::migrate
