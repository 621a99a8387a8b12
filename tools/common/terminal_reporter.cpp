#include "tools/common/terminal_reporter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace pgcycle::tools {

namespace {

std::string_view prefix_of(Level level) {
  switch (level) {
    case Level::warning:
      return "warning: ";
    case Level::notice:
      return "notice: ";
    default:
      return "";
  }
}

std::string amount(const Progress& progress, std::uint64_t value) {
  if (progress.unit != "bytes") return fmt::format("{} {}", value, progress.unit);
  return fmt::format("{:.1f} MB", static_cast<double>(value) / 1e6);
}

std::string describe(const Progress& progress) {
  if (progress.total == 0)
    return fmt::format("{}: {}", progress.what, amount(progress, progress.done));
  const double part =
      std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
  return fmt::format("{}: {:3.0f} % of {}", progress.what, part * 100,
                     amount(progress, progress.total));
}

}  // namespace

void TerminalReporter::message(Level level, std::string_view text) {
  if (level == Level::verbose && !options_.verbose) return;
  if (level == Level::info && options_.quiet) return;
  const std::lock_guard lock(mutex_);
  clear_bar_locked();
  const bool colored = options_.color && level == Level::warning;
  const std::string line =
      fmt::format("{}{}: {}{}{}\n", colored ? "\033[33m" : "", options_.program, prefix_of(level),
                  text, colored ? "\033[0m" : "");
  std::fputs(line.c_str(), stderr);
}

void TerminalReporter::debug(DebugTopic, std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear_bar_locked();
  std::fputs(fmt::format("{}: debug: {}\n", options_.program, text).c_str(), stderr);
}

void TerminalReporter::progress(const Progress& progress) {
  if (options_.quiet) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const auto pause =
      options_.terminal ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
  if (now - last_progress_ < pause) return;
  last_progress_ = now;
  if (!options_.terminal) {
    std::fputs(fmt::format("{}: {}\n", options_.program, describe(progress)).c_str(), stderr);
    return;
  }
  std::fputs(fmt::format("\r\033[K{}", describe(progress)).c_str(), stderr);
  std::fflush(stderr);
  bar_shown_ = true;
}

void TerminalReporter::clear_bar() {
  const std::lock_guard lock(mutex_);
  clear_bar_locked();
}

void TerminalReporter::clear_bar_locked() {
  if (!bar_shown_) return;
  std::fputs("\r\033[K", stderr);
  bar_shown_ = false;
}

}  // namespace pgcycle::tools
