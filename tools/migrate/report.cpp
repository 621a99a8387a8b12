#include "tools/migrate/report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::tools {

namespace {

// In the folders of other tools a version is one step of the same name.
bool is_one_file(const migrate::VersionReport& version) {
  return version.steps.size() == 1 && version.steps[0].step == version.version;
}

std::string step_line(const migrate::StepReport& step) {
  std::string out = fmt::format("{:<11} {:<12}", migrate::name_of(step.kind), step.state);
  if (step.state == "done") out += fmt::format(" {:>8.0f} ms", step.duration_ms);
  if (step.state == "pending" && step.alone) out += "  statement by statement";
  if (step.state == "pending" && !step.way_back) out += "  no way back";
  while (out.back() == ' ') out.pop_back();
  return out;
}

// A list is one value a line.
std::string shown(std::string value) {
  if (value.empty()) return "nothing";
  for (std::size_t at = value.find('\n'); at != std::string::npos; at = value.find('\n', at + 3)) {
    value.replace(at, 1, " | ");
  }
  return value;
}

}  // namespace

std::string steps_text(const migrate::MigrateReport& report) {
  std::string out;
  for (const auto& version : report.versions) {
    if (is_one_file(version)) {
      out += fmt::format("{:<42} {}\n", version.version, step_line(version.steps[0]));
      continue;
    }
    out += fmt::format("{}  {}{}\n", version.version,
                       version.applied ? "applied " + version.applied_at : "not applied",
                       version.description.empty() ? "" : "  " + version.description);
    for (const auto& step : version.steps) {
      out += fmt::format("  {:<40} {}\n", step.step, step_line(step));
    }
  }
  return out;
}

std::string checks_text(const std::vector<migrate::CheckResult>& checks) {
  std::string out;
  for (const auto& check : checks) {
    out += fmt::format("  {} {:<40} expected {}, got {}\n", check.passed ? "ok  " : "FAIL",
                       check.name, check.expected, check.got);
  }
  return out;
}

std::size_t passed(const std::vector<migrate::CheckResult>& checks) {
  return static_cast<std::size_t>(
      std::count_if(checks.begin(), checks.end(),
                    [](const migrate::CheckResult& check) { return check.passed; }));
}

Json to_json(const migrate::MigrateReport& report) {
  Json versions = Json::array();
  for (const auto& version : report.versions) {
    Json steps = Json::array();
    for (const auto& step : version.steps) {
      steps.push_back({{"step", step.step},
                       {"kind", migrate::name_of(step.kind)},
                       {"state", step.state},
                       {"duration_ms", step.duration_ms},
                       {"finished_at", step.finished_at},
                       {"statement_by_statement", step.alone},
                       {"way_back", step.way_back}});
    }
    versions.push_back({{"version", version.version},
                        {"applied", version.applied},
                        {"applied_at", version.applied_at},
                        {"steps", steps}});
  }
  Json checks = Json::array();
  for (const auto& check : report.checks) {
    checks.push_back({{"check", check.name},
                      {"expected", check.expected},
                      {"got", check.got},
                      {"passed", check.passed},
                      {"duration_ms", check.duration_ms},
                      {"at", to_string(check.place)}});
  }
  return {{"versions", versions}, {"checks", checks}, {"steps_run", report.steps_run}};
}

std::string diff_text(const migrate::DiffReport& report) {
  std::string out;
  for (const auto& change : report.changes) {
    out += fmt::format("{:<8} {} {}\n", catalog::name_of(change.kind), change.object.kind,
                       change.object.name);
    for (const auto& property : change.properties) {
      out += fmt::format("           {}: {} -> {}\n", property.property, shown(property.from),
                         shown(property.to));
    }
  }
  for (const auto& guess : report.guesses) {
    out += fmt::format("perhaps renamed: --rename {}={}\n", guess.from.name, guess.to.name);
  }
  for (const auto& rows : report.rows) {
    out += fmt::format("{}: {} rows -> {} rows\n", rows.table, rows.from, rows.to);
    for (const auto& key : rows.only_in_from) out += fmt::format("  - {}\n", key);
    for (const auto& key : rows.only_in_to) out += fmt::format("  + {}\n", key);
  }
  if (report.changes.empty() && report.rows.empty()) out += "no difference\n";
  return out;
}

Json to_json(const std::vector<catalog::ObjectChange>& changes) {
  Json out = Json::array();
  for (const auto& change : changes) {
    Json properties = Json::array();
    for (const auto& property : change.properties) {
      properties.push_back(
          {{"property", property.property}, {"from", property.from}, {"to", property.to}});
    }
    out.push_back({{"change", catalog::name_of(change.kind)},
                   {"kind", change.object.kind},
                   {"name", change.object.name},
                   {"properties", properties}});
  }
  return out;
}

Json to_json(const migrate::DiffReport& report) {
  Json guesses = Json::array();
  for (const auto& guess : report.guesses) {
    guesses.push_back(
        {{"kind", guess.from.kind}, {"from", guess.from.name}, {"to", guess.to.name}});
  }
  Json rows = Json::array();
  for (const auto& table : report.rows) {
    rows.push_back({{"table", table.table},
                    {"from", table.from},
                    {"to", table.to},
                    {"only_in_from", table.only_in_from},
                    {"only_in_to", table.only_in_to}});
  }
  return {{"changes", to_json(report.changes)},
          {"renames", guesses},
          {"rows", rows},
          {"sql", report.sql},
          {"proven", !report.sql.empty() && !report.unproven},
          {"not_written", report.not_written}};
}

std::string rehearsal_text(const migrate::RehearsalReport& report, bool verbose) {
  std::string out;
  if (report.versions.empty()) return "nothing to rehearse: all is applied\n";
  for (const auto& version : report.versions) {
    out += fmt::format("{:<42} up {:>8.0f} ms  {}\n", version.version, version.up_ms,
                       migrate::name_of(version.way_back));
    for (const auto& line : version.differences) out += fmt::format("    {}\n", line);
  }
  for (const auto& facts : report.statements) {
    const bool heavy = !facts.rewritten.empty() || facts.duration_ms >= 100 ||
                       std::any_of(facts.locks.begin(), facts.locks.end(), [](const auto& lock) {
                         return lock.mode == "AccessExclusiveLock";
                       });
    if (!verbose && !heavy) continue;
    out += fmt::format("{} {}\n  {}\n  {:.1f} ms, {} bytes of WAL", to_string(facts.place),
                       facts.step, facts.text, facts.duration_ms, facts.wal_bytes);
    if (facts.estimated_ms > 0) {
      out += fmt::format(", about {:.0f} ms on production", facts.estimated_ms);
    }
    out += "\n";
    for (const auto& lock : facts.locks) {
      out += fmt::format("  {} on {} for {:.1f} ms\n", lock.mode,
                         lock.relation.empty() ? "its table" : lock.relation, lock.held_ms);
    }
    for (const auto& table : facts.rewritten) out += fmt::format("  rewrites {}\n", table);
  }
  out += fmt::format(
      "copy {:.0f} ms, up {:.0f} ms, down {:.0f} ms, up again {:.0f} ms; {} of {} "
      "checks passed\n",
      report.copy_ms, report.up_ms, report.down_ms, report.up_again_ms, passed(report.checks),
      report.checks.size());
  return out;
}

Json to_json(const migrate::RehearsalReport& report) {
  Json versions = Json::array();
  for (const auto& version : report.versions) {
    versions.push_back({{"version", version.version},
                        {"way_back", migrate::name_of(version.way_back)},
                        {"differences", version.differences},
                        {"up_ms", version.up_ms}});
  }
  Json statements = Json::array();
  for (const auto& facts : report.statements) {
    Json locks = Json::array();
    for (const auto& lock : facts.locks) {
      locks.push_back(
          {{"mode", lock.mode}, {"relation", lock.relation}, {"held_ms", lock.held_ms}});
    }
    statements.push_back({{"version", facts.version},
                          {"step", facts.step},
                          {"at", to_string(facts.place)},
                          {"statement", facts.text},
                          {"duration_ms", facts.duration_ms},
                          {"wal_bytes", facts.wal_bytes},
                          {"locks", locks},
                          {"rewritten", facts.rewritten},
                          {"estimated_ms", facts.estimated_ms}});
  }
  return {{"source", report.source},   {"plan", report.plan},
          {"versions", versions},      {"statements", statements},
          {"copy_ms", report.copy_ms}, {"up_ms", report.up_ms},
          {"down_ms", report.down_ms}, {"up_again_ms", report.up_again_ms}};
}

std::string backup_text(const migrate::BackupReport& report) {
  return fmt::format(
      "{}\n{} tables, {} rows, {} bytes; dumped in {:.1f} s, restored and proven in "
      "{:.1f} s\n",
      report.directory.string(), report.tables, report.rows, report.bytes, report.dump_seconds,
      report.proof_seconds);
}

Json to_json(const migrate::BackupReport& report) {
  return {{"backup", report.directory.string()},
          {"tables", report.tables},
          {"rows", report.rows},
          {"bytes", report.bytes},
          {"dump_seconds", report.dump_seconds},
          {"restore_seconds", report.proof_seconds}};
}

}  // namespace pgcycle::tools
