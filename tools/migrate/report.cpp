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

}  // namespace pgcycle::tools
