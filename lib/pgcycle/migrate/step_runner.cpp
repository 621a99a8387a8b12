#include "pgcycle/migrate/step_runner.hpp"

#include <fmt/format.h>

#include <chrono>
#include <regex>

#include "pgcycle/migrate/rekey.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/interrupt.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::migrate {

namespace {

constexpr std::size_t kOutputTail = 2000;

std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), std::size_t{200}));
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
  const std::string& tail() const { return tail_; }

 private:
  Reporter& reporter_;
  std::string pending_;
  std::string tail_;
};

}  // namespace

double StepRunner::elapsed_ms() const {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_)
      .count();
}

double StepRunner::run(const Version& version, const Step& step, const StepRecord* earlier) {
  start_ = std::chrono::steady_clock::now();
  checks_.clear();
  if (step.kind == StepKind::script) {
    run_script(version, step);
  } else if (step.no_transaction) {
    run_without_transaction(version, step, earlier == nullptr ? 0 : earlier->statements_done);
  } else {
    run_in_transaction(version, step);
  }
  return elapsed_ms();
}

void StepRunner::run_in_transaction(const Version& version, const Step& step) {
  postgres::Transaction transaction(connection_);
  journal_.start_step(version, step);
  if (step.kind == StepKind::rekey) {
    const RekeyReport report = run_rekey(connection_, step.file);
    request_.reporter.info("  {} keys changed, {} links in {} references carried along",
                           report.keys, report.links, report.references);
  } else {
    const postgres::SqlFile file = postgres::split_sql(read_file(step.file), step.file.string());
    for (const postgres::SqlStatement& statement : file.statements) {
      run_statement(statement);
      if (connection_.in_transaction()) continue;
      throw Error(ErrorCode::input, "the step ended the transaction that it runs in")
          .at(statement.place)
          .hint("leave out BEGIN, COMMIT and ROLLBACK, or write \"-- pgcycle: no-transaction\"");
    }
  }
  verify(step);
  // A step's own SET must not reach the next one.
  journal_.finish_step(version, step, elapsed_ms());
  transaction.commit();
  connection_.execute("RESET ALL");
}

void StepRunner::run_without_transaction(const Version& version, const Step& step,
                                         std::size_t done) {
  journal_.start_step(version, step);
  const postgres::SqlFile file = postgres::split_sql(read_file(step.file), step.file.string());
  if (done > 0) {
    request_.reporter.notice("{} goes on behind its statement {}", step.name, done);
  }
  for (std::size_t i = done; i < file.statements.size(); ++i) {
    if (!prepare_concurrent_index(file.statements[i])) run_statement(file.statements[i]);
    journal_.note_statements(version, step, i + 1);
  }
  verify(step);
  journal_.finish_step(version, step, elapsed_ms());
}

// A CREATE INDEX CONCURRENTLY that was cut off left an invalid index, which must
// go, or a valid one, which means that it is done: then true.
bool StepRunner::prepare_concurrent_index(const postgres::SqlStatement& statement) {
  static const std::regex kPattern(
      R"re(^\s*create\s+(unique\s+)?index\s+concurrently\s+(if\s+not\s+exists\s+)?("[^"]+"|[\w$.]+)\s+on\s)re",
      std::regex::icase);
  std::smatch match;
  if (!std::regex_search(statement.text, match, kPattern)) return false;
  const auto rows = connection_.query(
      "SELECT i.indisvalid, i.indexrelid::regclass FROM pg_index i "
      "WHERE i.indexrelid = to_regclass($1)",
      {match[3].str()});
  if (rows.empty()) return false;
  if (rows.boolean(0, 0)) return true;
  request_.reporter.notice("dropping the invalid index {}, left by a failed run", rows.text(0, 1));
  connection_.execute(fmt::format("DROP INDEX CONCURRENTLY {}", rows.text(0, 1)));
  return false;
}

void StepRunner::run_statement(const postgres::SqlStatement& statement) {
  throw_if_interrupted();
  try {
    if (statement.copy_data) {
      bool sent = false;
      connection_.copy_in(statement.text, [&](std::string& out) {
        if (std::exchange(sent, true)) return false;
        out = *statement.copy_data;
        return true;
      });
    } else {
      connection_.execute(statement.text);
    }
  } catch (Error& error) {
    if (error.code() != ErrorCode::statement) throw;
    Error placed(error);
    placed.at(place_in_statement(statement, connection_.last_error().position));
    placed.detail(fmt::format("in: {}{}{}", first_line(statement.text),
                              error.detail().empty() ? "" : "\n", error.detail()));
    if (error.sqlstate() == "25001") {
      placed.hint("put \"-- pgcycle: no-transaction\" at the head of the file");
    }
    throw placed;
  }
}

void StepRunner::run_script(const Version& version, const Step& step) {
  journal_.start_step(version, step);
  ProcessSpec spec;
  spec.command = {step.file.string()};
  spec.working_directory = step.file.parent_path().string();
  spec.environment = request_.target.info.environment();
  spec.environment["PGCYCLE_DB_URL"] = request_.target.info.uri(true);
  spec.environment["PGCYCLE_VERSION"] = version.name;
  spec.environment["PGCYCLE_STEP"] = step.name;
  spec.environment["PGAPPNAME"] = "pgcycle-migrate";
  spec.own_session = true;
  LineSplitter output(request_.reporter);
  const auto sink = [&output](std::string_view piece) { output(piece); };
  const ProcessResult result = run_process(spec, {}, sink, sink);
  if (!result.ok()) {
    throw Error(ErrorCode::step, fmt::format("{} failed with status {}",
                                             step.file.filename().string(), result.exit_status))
        .at(step.file.string())
        .detail(output.tail())
        .hint("correct it and run up again: the script then runs from its start");
  }
  verify(step);
  journal_.finish_step(version, step, elapsed_ms());
}

void StepRunner::verify(const Step& step) {
  if (!step.verify) return;
  checks_ = run_checks(connection_, read_checks(*step.verify));
  require_passed(checks_, fmt::format("in the verify file of {}", step.name));
}

}  // namespace pgcycle::migrate
