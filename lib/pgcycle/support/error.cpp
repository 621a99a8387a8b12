#include "pgcycle/support/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

namespace pgcycle {

namespace {

constexpr std::array<ErrorKind, 11> kErrorTable{{
    {ErrorCode::usage, "usage", 1, "see --help"},
    {ErrorCode::config, "config", 1,
     "run with --show-config to see each value and where it came from"},
    {ErrorCode::input, "input", 1, ""},
    {ErrorCode::unsupported, "unsupported", 1, ""},
    {ErrorCode::internal, "internal", 1, ""},
    {ErrorCode::connect, "connect", 2,
     "check the URL, or start a server with 'pgcycle-server start'"},
    {ErrorCode::statement, "statement", 3, ""},
    {ErrorCode::step, "step", 3, ""},
    {ErrorCode::check, "check", 4, ""},
    {ErrorCode::guard, "guard", 5,
     "list the host and database in guard.allow of pgcycle.json if it really is a test database"},
    {ErrorCode::interrupted, "interrupted", 130, ""},
}};

void append_line(std::string& out, std::string_view label, std::string_view text) {
  if (text.empty()) return;
  out.append("  ").append(label).append(" ");
  for (char c : text) {
    out.push_back(c);
    if (c == '\n') out.append("    ");
  }
  out.push_back('\n');
}

void append_error(std::string& out, std::string_view program, const Error& error) {
  out.append(program).append(": error: ").append(error.message()).push_back('\n');
  if (!error.location().file.empty()) append_line(out, "at", to_string(error.location()));
  append_line(out, "detail:", error.detail());
  append_line(out, "hint:", error.hint());
  append_line(out, "sqlstate:", error.sqlstate());
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replace});
    }
  }
  return row[b.size()];
}

}  // namespace

const ErrorKind& kind_of(ErrorCode code) {
  return *std::find_if(kErrorTable.begin(), kErrorTable.end(),
                       [code](const ErrorKind& kind) { return kind.code == code; });
}

std::string to_string(const Location& location) {
  std::string out = location.file;
  if (location.line > 0) out += ":" + std::to_string(location.line);
  if (location.line > 0 && location.column > 0) out += ":" + std::to_string(location.column);
  return out;
}

Error::Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

Error& Error::at(Location location) {
  location_ = std::move(location);
  return *this;
}

Error& Error::at(std::string file, int line, int column) {
  return at(Location{std::move(file), line, column});
}

Error& Error::detail(std::string text) {
  detail_ = std::move(text);
  return *this;
}

Error& Error::hint(std::string text) {
  hint_ = std::move(text);
  return *this;
}

Error& Error::sqlstate(std::string text) {
  sqlstate_ = std::move(text);
  return *this;
}

Error& Error::constraint(std::string name) {
  constraint_ = std::move(name);
  return *this;
}

std::string Error::hint() const {
  return hint_.empty() ? std::string(kind_of(code_).default_hint) : hint_;
}

Error Error::with_code(ErrorCode code) const {
  Error out = *this;
  out.code_ = code;
  for (Error& other : out.also_) other.code_ = code;
  return out;
}

void ErrorList::raise_if_any() const {
  if (errors_.empty()) return;
  std::vector<Error> sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Error& a, const Error& b) {
    const auto key = [](const Error& e) {
      return std::tie(e.location().file, e.location().line, e.location().column);
    };
    return key(a) < key(b);
  });
  Error first = sorted.front();
  first.also_.assign(sorted.begin() + 1, sorted.end());
  throw first;
}

std::string format_error(std::string_view program, const Error& error) {
  std::string out;
  append_error(out, program, error);
  for (const Error& other : error.also()) append_error(out, program, other);
  return out;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = name.size() / 2 + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates,
                         std::string otherwise) {
  const std::string near = nearest_name(name, candidates);
  return near.empty() ? std::move(otherwise) : fmt::format("did you mean \"{}\"?", near);
}

}  // namespace pgcycle
