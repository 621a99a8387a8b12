// pgcycle.json: found, read, checked and expanded.
//
// One table declares every key; from it come the check for unknown keys,
// `--show-config`, the JSON Schema and the documentation. `${VAR}` in a string
// is replaced when the value is asked for, so that a variable that only one
// program needs does not stop the others. The environment is handed in: the
// library never reads it.
//
// Thread rule: a value after loading. Errors: Error{config} with file, line and
// column.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pgcycle/support/json_document.hpp"

namespace pgcycle {

enum class ConfigType { text, secret, path, strings, rules, duration, count, bytes };

struct ConfigKey {
  std::string_view path;  // "database.url"
  ConfigType type;
  std::string_view default_value;  // empty: none
  std::string_view description;
};

std::span<const ConfigKey> config_keys();

// The value of a variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

class Config {
 public:
  // No file at all: every key has its default; paths are relative to `directory`.
  static Config empty(std::filesystem::path directory, Environment environment);
  // Reads `file`. Throws when it is missing, malformed or holds an unknown key.
  static Config load(const std::filesystem::path& file, Environment environment);
  // Looks for pgcycle.json in `start` and its parents; empty when there is none.
  // Parents that strangers share, as /tmp, are passed over.
  static Config discover(const std::filesystem::path& start, Environment environment);

  bool has_file() const { return !file_.empty(); }
  const std::filesystem::path& file() const { return file_; }
  // The project's directory, against which paths in the file are taken.
  const std::filesystem::path& directory() const { return directory_; }

  // The value of a text key, expanded; the default when it is not set; nothing
  // when there is neither. Throws when it names a variable that is not set.
  std::optional<std::string> text(std::string_view path) const;
  // The same, but nothing when a variable in it is not set.
  std::optional<std::string> text_if_set(std::string_view path) const;
  // A path key, absolute.
  std::filesystem::path path(std::string_view path) const;
  std::vector<std::string> strings(std::string_view path) const;
  // "90s", "30min", "2h", "500ms" as seconds.
  double duration_seconds(std::string_view path) const;
  // A number without fraction; "20GB", "512MB" and the like as bytes.
  std::uint64_t count(std::string_view path) const;
  std::uint64_t bytes(std::string_view path) const;
  // The raw value with its place, or nullptr.
  const JsonValue* node(std::string_view path) const;
  // Replaces ${VAR} in `text`; `place` is named when a variable is not set.
  std::string expand(const std::string& text, const Location& place) const;

  // Each key's value as a person may see it (secrets masked) and its origin:
  // "FILE:LINE:COL" or "default".
  struct Shown {
    std::string path, value, origin;
  };
  std::vector<Shown> shown() const;

 private:
  Config() = default;
  std::filesystem::path file_;
  std::filesystem::path directory_;
  JsonValue root_;
  Environment environment_;
  std::map<std::string, std::string> env_file_;
};

// The JSON Schema of pgcycle.json.
std::string config_json_schema();

// Reads "90s", "30min", "2h", "500ms" or "off" (0). Throws Error{config}.
double parse_duration(std::string_view text);
// Reads "20GB", "512MB", "64kB" or "off" (0), in powers of 1024. Throws Error{config}.
std::uint64_t parse_bytes(std::string_view text);

}  // namespace pgcycle
