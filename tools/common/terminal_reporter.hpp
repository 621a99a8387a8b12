// What the library reports, on standard error.
//
// Progress is a bar on a terminal and a line every ten seconds elsewhere.
// Thread rule: any thread may report.
#pragma once

#include <chrono>
#include <mutex>
#include <set>
#include <string>

#include "pgcycle/support/reporter.hpp"

namespace pgcycle::tools {

struct ReporterOptions {
  std::string program;
  bool quiet = false;
  bool verbose = false;
  bool color = false;
  bool terminal = false;
  std::set<DebugTopic> debug;
};

class TerminalReporter final : public Reporter {
 public:
  explicit TerminalReporter(ReporterOptions options) : options_(std::move(options)) {}
  ~TerminalReporter() override { clear_bar(); }

  void message(Level level, std::string_view text) override;
  void progress(const Progress& progress) override;
  bool debugs(DebugTopic topic) const override { return options_.debug.contains(topic); }
  void debug(DebugTopic topic, std::string_view text) override;

 private:
  using Clock = std::chrono::steady_clock;
  void clear_bar();
  void clear_bar_locked();

  ReporterOptions options_;
  std::mutex mutex_;
  bool bar_shown_ = false;
  Clock::time_point last_progress_ = Clock::now();
};

}  // namespace pgcycle::tools
