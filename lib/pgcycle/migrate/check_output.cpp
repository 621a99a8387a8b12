#include "pgcycle/migrate/check_output.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/support/markup.hpp"

namespace pgcycle::migrate {

namespace {

// The characters that mean something in a line of TAP.
std::string escape_tap(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '#' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string as_tap(const std::vector<CheckResult>& results) {
  std::string out = fmt::format("TAP version 13\n1..{}\n", results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const CheckResult& result = results[i];
    out +=
        fmt::format("{}ok {} - {}\n", result.passed ? "" : "not ", i + 1, escape_tap(result.name));
    if (result.passed) continue;
    out += fmt::format("  ---\n  expected: \"{}\"\n  got: \"{}\"\n  at: \"{}\"\n  ...\n",
                       result.expected, result.got, to_string(result.place));
  }
  return out;
}

std::string as_junit_xml(const std::vector<CheckResult>& results) {
  const auto failures =
      std::count_if(results.begin(), results.end(), [](const CheckResult& r) { return !r.passed; });
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "  <testsuite name=\"pgcycle-migrate\" tests=\"{}\" failures=\"{}\">\n",
      results.size(), failures);
  for (const CheckResult& result : results) {
    out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                       escape_markup(result.place.file), escape_markup(result.name),
                       result.duration_ms / 1000);
    if (result.passed) {
      out += "/>\n";
      continue;
    }
    out += fmt::format(
        ">\n      <failure message=\"expected {}, got {}\">{}</failure>\n"
        "    </testcase>\n",
        escape_markup(result.expected), escape_markup(result.got),
        escape_markup(to_string(result.place)));
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace pgcycle::migrate
