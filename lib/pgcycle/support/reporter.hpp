// The only way from the library to the terminal.
//
// The library never prints. It hands what a person may want to know to a
// Reporter; the programs decide what is shown, where and in which form.
//
// Thread rule: an implementation must accept calls from any thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pgcycle {

enum class Level { warning, notice, info, verbose };

// What `--debug=TOPIC,…` switches on.
enum class DebugTopic { stats, explain, sql };

// How far one named piece of work has come. `total` 0 means not known.
struct Progress {
  std::string_view what;
  std::string_view unit;  // "bytes", "rows", "tables"
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

class Reporter {
 public:
  virtual ~Reporter() = default;

  virtual void message(Level level, std::string_view text) = 0;
  virtual void progress(const Progress&) {}
  virtual bool debugs(DebugTopic) const { return false; }
  virtual void debug(DebugTopic, std::string_view) {}

  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    message(Level::warning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void notice(fmt::format_string<Args...> format, Args&&... args) {
    message(Level::notice, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    message(Level::info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void verbose(fmt::format_string<Args...> format, Args&&... args) {
    message(Level::verbose, fmt::format(format, std::forward<Args>(args)...));
  }
};

// Swallows everything; for callers that want silence.
class SilentReporter final : public Reporter {
 public:
  void message(Level, std::string_view) override {}
};

}  // namespace pgcycle
