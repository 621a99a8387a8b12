#include "pgcycle/migrate/check_output.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgcycle::migrate {

namespace {

std::string escape_xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // XML has no other control characters.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

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
                       escape_xml(result.place.file), escape_xml(result.name),
                       result.duration_ms / 1000);
    if (result.passed) {
      out += "/>\n";
      continue;
    }
    out += fmt::format(
        ">\n      <failure message=\"expected {}, got {}\">{}</failure>\n"
        "    </testcase>\n",
        escape_xml(result.expected), escape_xml(result.got), escape_xml(to_string(result.place)));
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace pgcycle::migrate
