#include "pgcycle/config/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "pgcycle/support/file.hpp"

namespace pgcycle {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFileName = "pgcycle.json";

constexpr std::array kKeys{
    ConfigKey{"$schema", ConfigType::text, "", "the JSON Schema of this file, for editors"},
    ConfigKey{"envFile", ConfigType::path, "",
              "file of NAME=value lines; variables of the environment win over it"},
    ConfigKey{"database.url", ConfigType::secret, "",
              "the test database; without it, `database.name` on the managed server"},
    ConfigKey{"database.name", ConfigType::text, "",
              "name of the test database; default: that of the project's directory"},
    ConfigKey{"database.server", ConfigType::text, "auto",
              "embedded, docker, external or auto (external if a URL is given, else embedded if a "
              "server is installed, else docker)"},
    ConfigKey{"database.idleTimeout", ConfigType::duration, "30min",
              "the embedded server stops after this time without a session; \"off\" for never"},
    ConfigKey{"production.url", ConfigType::secret, "",
              "the production database, so that the guards know it and refuse it"},
    ConfigKey{"dump.file", ConfigType::path, "", "the dump that pgcycle-reset restores"},
    ConfigKey{"dump.keep", ConfigType::count, "2",
              "number of earlier dumps that --download-recent keeps beside the new one"},
    ConfigKey{"cache.maxBytes", ConfigType::bytes, "20GB",
              "size up to which restored dumps are kept as templates; \"off\" for no bound"},
    ConfigKey{"cache.maxCount", ConfigType::count, "20",
              "number of restored dumps that are kept as templates; 0 for no bound"},
    ConfigKey{"fixtures.dir", ConfigType::path, "fixtures", "directory of the JSON fixtures"},
    ConfigKey{"golden.dir", ConfigType::path, "golden", "directory of the golden records"},
    ConfigKey{"migrations.dir", ConfigType::path, "migrations", "directory of the migrations"},
    ConfigKey{"migrations.lockTimeout", ConfigType::duration, "2s",
              "how long a migration may wait for a lock, and make others wait behind it, before it "
              "lets go and tries again; \"off\" for ever"},
    ConfigKey{"migrations.lockWait", ConfigType::duration, "10min",
              "how long it tries again before it gives up"},
    ConfigKey{"migrations.scriptTimeout", ConfigType::duration, "off",
              "how long a script step may run; a step's own \"pgcycle: timeout\" wins"},
    ConfigKey{"backup.dir", ConfigType::path, "backups",
              "directory of the backups that pgcycle-migrate takes"},
    ConfigKey{"backup.keep", ConfigType::count, "5",
              "number of backups of a database that are kept; 0 for all"},
    ConfigKey{"lock.file", ConfigType::path, "schema.lock.json",
              "the frozen shape that `pgcycle-migrate lock` writes and holds against"},
    ConfigKey{"lock.objects", ConfigType::strings, "",
              "objects whose shape is frozen, as schema.name with * wildcards; default: all"},
    ConfigKey{"lock.probes", ConfigType::strings, "", "queries whose results are frozen too"},
    ConfigKey{"guard.allow", ConfigType::strings, "",
              "external test databases that may be destroyed, each as HOST/DATABASE"},
    ConfigKey{"extract.include", ConfigType::strings, "",
              "tables to extract, as schema.table with * wildcards; default: all"},
    ConfigKey{"extract.exclude", ConfigType::strings, "", "tables to leave out"},
    ConfigKey{"extract.roots", ConfigType::strings, "",
              "rows that a subset starts from, each as \"TABLE where CONDITION limit N\"; "
              "see docs/subsets.md"},
    ConfigKey{"extract.where", ConfigType::strings, "",
              "rows that a subset takes unasked, each as \"TABLE where CONDITION\""},
    ConfigKey{"extract.children", ConfigType::strings, "",
              "tables whose rows a subset takes because they reference rows of it; default: all"},
    ConfigKey{"extract.cut", ConfigType::strings, "",
              "foreign keys that a subset does not follow to children, as schema.table.constraint"},
    ConfigKey{"extract.references", ConfigType::strings, "",
              "references that are no foreign keys, each as \"TABLE (COLUMN) -> TABLE (COLUMN)\", "
              "with a \"where\" for polymorphic ones"},
    ConfigKey{"extract.maxChildrenPerRow", ConfigType::count, "0",
              "most children that a subset takes for each row and foreign key; 0 for all"},
    ConfigKey{"extract.maxRows", ConfigType::count, "1000000",
              "most rows of a subset; more is an error that names what to cut; 0 for no bound"},
    ConfigKey{"anonymize.key", ConfigType::secret, "",
              "32 bytes as 64 hex digits, best out of a variable; pseudonyms depend on it"},
    ConfigKey{"anonymize.rules", ConfigType::rules, "",
              "schema.table.column (or with *) to a generator; see docs/anonymization.md"},
    ConfigKey{"anonymize.locale", ConfigType::text, "en",
              "language of invented names and addresses in Latin letters: en, de, fr, es or pt"},
    ConfigKey{
        "anonymize.leakProof", ConfigType::text, "on",
        "hold every masked original against all that is written; \"off\" for benchmarks only"},
    ConfigKey{"anonymize.words", ConfigType::strings, "",
              "words that are nobody's, although a masked column holds them"},
    ConfigKey{"anonymize.report", ConfigType::path, "",
              "file for the report of an extraction: a page as .html, else JSON"},
};

const ConfigKey* find_key(std::string_view path) {
  for (const ConfigKey& key : kKeys) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

bool is_section(std::string_view path) {
  const std::string prefix = std::string(path) + ".";
  for (const ConfigKey& key : kKeys) {
    if (key.path.starts_with(prefix)) return true;
  }
  return false;
}

JsonValue::Kind expected_kind(ConfigType type) {
  switch (type) {
    case ConfigType::strings:
      return JsonValue::Kind::array;
    case ConfigType::rules:
      return JsonValue::Kind::object;
    case ConfigType::count:
      return JsonValue::Kind::number;
    default:
      return JsonValue::Kind::string;
  }
}

void check_type(const ConfigKey& key, const JsonValue& value, ErrorList& errors) {
  const JsonValue::Kind wanted = expected_kind(key.type);
  bool ok = value.is(wanted);
  if (ok && key.type == ConfigType::strings) {
    for (const JsonValue& item : value.items) ok = ok && item.is(JsonValue::Kind::string);
  }
  if (!ok) {
    errors.add(
        Error(ErrorCode::config,
              fmt::format("{} must be {}, not {}", key.path,
                          key.type == ConfigType::strings ? "an array of strings" : name_of(wanted),
                          name_of(value.kind)))
            .at(value.place)
            .hint(std::string(key.description)));
  }
}

void check_keys(const JsonValue& object, const std::string& prefix, ErrorList& errors) {
  for (std::size_t i = 0; i < object.keys.size(); ++i) {
    const std::string path = prefix + object.keys[i];
    if (const ConfigKey* key = find_key(path)) {
      check_type(*key, object.items[i], errors);
    } else if (is_section(path) && object.items[i].is(JsonValue::Kind::object)) {
      check_keys(object.items[i], path + ".", errors);
    } else if (is_section(path)) {
      errors.add(Error(ErrorCode::config, fmt::format("{} must be an object", path))
                     .at(object.items[i].place)
                     .hint(fmt::format("its keys are written as {{\"{}\": {{…}}}}", path)));
    } else {
      std::vector<std::string> known;
      for (const ConfigKey& candidate : kKeys) {
        known.emplace_back(candidate.path);
        const std::string section(candidate.path.substr(0, candidate.path.find('.')));
        if (std::find(known.begin(), known.end(), section) == known.end()) known.push_back(section);
      }
      errors.add(Error(ErrorCode::config, fmt::format("unknown key \"{}\"", path))
                     .at(object.key_places[i])
                     .hint(did_you_mean(path, known, "docs/configuration.md lists the keys")));
    }
  }
}

std::map<std::string, std::string> read_env_file(const fs::path& file) {
  std::map<std::string, std::string> out;
  const std::string content = read_file(file);
  int number = 0;
  for (std::size_t start = 0; start < content.size();) {
    const std::size_t end = std::min(content.find('\n', start), content.size());
    std::string_view line = std::string_view(content).substr(start, end - start);
    start = end + 1;
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    if (line.starts_with("export ")) line.remove_prefix(7);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      throw Error(ErrorCode::config, "expected NAME=value")
          .at(file.string(), number, 1)
          .hint("comments start with #");
    }
    std::string_view value = line.substr(equals + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    out[std::string(line.substr(0, equals))] = value;
  }
  return out;
}

// Where ${NAME} in `text` starts at or after `from`; npos when there is none.
std::size_t find_variable(const std::string& text, std::size_t from, std::string& name,
                          std::size_t& end) {
  const std::size_t start = text.find("${", from);
  if (start == std::string::npos) return start;
  end = text.find('}', start);
  if (end == std::string::npos) return end;
  name = text.substr(start + 2, end - start - 2);
  ++end;
  return start;
}

// Anybody can leave a file there: writable by all, and sticky.
bool is_shared_by_strangers(const fs::path& directory) {
  std::error_code unknown;
  constexpr fs::perms kShared = fs::perms::others_write | fs::perms::sticky_bit;
  return (fs::status(directory, unknown).permissions() & kShared) == kShared;
}

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

Config Config::empty(fs::path directory, Environment environment) {
  Config config;
  config.directory_ = std::move(directory);
  config.environment_ = std::move(environment);
  config.root_.kind = JsonValue::Kind::object;
  return config;
}

Config Config::load(const fs::path& file, Environment environment) {
  if (!fs::is_regular_file(file)) {
    throw Error(ErrorCode::config, fmt::format("no such config file: {}", file.string()))
        .hint("check the path given with --config");
  }
  Config config =
      empty(fs::absolute(file).lexically_normal().parent_path(), std::move(environment));
  config.file_ = file;
  config.root_ = parse_json(read_file(file), file.string());
  if (!config.root_.is(JsonValue::Kind::object)) {
    throw Error(ErrorCode::config, "the file must hold one JSON object").at(config.root_.place);
  }
  ErrorList errors;
  check_keys(config.root_, "", errors);
  errors.raise_if_any();
  if (const JsonValue* env_file = config.node("envFile")) {
    const fs::path path = config.path("envFile");
    if (!fs::exists(path)) {
      throw Error(ErrorCode::config, fmt::format("no such envFile: {}", path.string()))
          .at(env_file->place)
          .hint("make the file, or remove the key");
    }
    config.env_file_ = read_env_file(path);
  }
  return config;
}

Config Config::discover(const fs::path& start, Environment environment) {
  const fs::path here = fs::absolute(start);
  for (fs::path directory = here;; directory = directory.parent_path()) {
    if ((directory == here || !is_shared_by_strangers(directory)) &&
        fs::is_regular_file(directory / kFileName)) {
      return load(directory / kFileName, std::move(environment));
    }
    if (directory == directory.root_path()) return empty(here, environment);
  }
}

const JsonValue* Config::node(std::string_view path) const {
  const JsonValue* value = &root_;
  while (value != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    value = value->find(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return value;
}

std::string Config::expand(const std::string& text, const Location& place) const {
  std::string out;
  std::string name;
  std::size_t from = 0;
  std::size_t end = 0;
  for (std::size_t start = 0; (start = find_variable(text, from, name, end)) != std::string::npos;
       from = end) {
    out.append(text, from, start - from);
    if (const auto value = environment_ ? environment_(name) : std::nullopt) {
      out += *value;
    } else if (const auto found = env_file_.find(name); found != env_file_.end()) {
      out += found->second;
    } else {
      throw Error(ErrorCode::config, fmt::format("the variable {} is not set", name))
          .at(place)
          .hint(fmt::format("set {} in the environment or in the envFile", name));
    }
  }
  return out.append(text, from);
}

std::optional<std::string> Config::text(std::string_view path) const {
  if (const JsonValue* value = node(path)) return expand(value->text, value->place);
  const ConfigKey* key = find_key(path);
  if (key == nullptr || key->default_value.empty()) return std::nullopt;
  return std::string(key->default_value);
}

std::optional<std::string> Config::text_if_set(std::string_view path) const {
  try {
    auto value = text(path);
    return value && value->empty() ? std::nullopt : value;
  } catch (const Error&) {
    return std::nullopt;
  }
}

fs::path Config::path(std::string_view path) const {
  const auto value = text(path);
  if (!value || value->empty()) return {};
  return (directory_ / *value).lexically_normal();
}

std::vector<std::string> Config::strings(std::string_view path) const {
  std::vector<std::string> out;
  if (const JsonValue* value = node(path)) {
    for (const JsonValue& item : value->items) out.push_back(expand(item.text, item.place));
  }
  return out;
}

std::uint64_t Config::bytes(std::string_view path) const {
  const auto value = text(path);
  if (!value) return 0;
  try {
    return parse_bytes(*value);
  } catch (Error& error) {
    if (const JsonValue* place = node(path)) error.at(place->place);
    throw;
  }
}

std::uint64_t Config::count(std::string_view path) const {
  const auto value = text(path);
  std::uint64_t number = 0;
  if (!value) return number;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error == std::errc() && end == value->data() + value->size()) return number;
  Error wrong(ErrorCode::config, fmt::format("{} must be a whole number, not {}", path, *value));
  if (const JsonValue* place = node(path)) wrong.at(place->place);
  throw wrong;
}

double Config::duration_seconds(std::string_view path) const {
  const auto value = text(path);
  if (!value) return 0;
  try {
    return parse_duration(*value);
  } catch (Error& error) {
    if (const JsonValue* place = node(path)) error.at(place->place);
    throw;
  }
}

std::vector<Config::Shown> Config::shown() const {
  std::vector<Shown> out;
  for (const ConfigKey& key : kKeys) {
    const JsonValue* value = node(key.path);
    if (value == nullptr && key.default_value.empty()) continue;
    Shown shown{std::string(key.path), std::string(key.default_value), "default"};
    if (value != nullptr) {
      shown.origin = to_string(value->place);
      const bool secret =
          key.type == ConfigType::secret && value->text.find("${") == std::string::npos;
      shown.value = secret                               ? "***"
                    : value->is(JsonValue::Kind::string) ? value->text
                                                         : value->to_json();
    }
    out.push_back(std::move(shown));
  }
  return out;
}

std::uint64_t parse_bytes(std::string_view text) {
  if (text == "off") return 0;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  static constexpr std::array<std::pair<std::string_view, unsigned>, 4> kUnits{
      {{"kB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}}};
  if (error == std::errc() && number < (1U << 20U)) {
    for (const auto& [name, shift] : kUnits) {
      if (unit == name) return number << shift;
    }
  }
  throw Error(ErrorCode::config, fmt::format("'{}' is not a size", text))
      .hint("write 512MB, 20GB or off");
}

double parse_duration(std::string_view text) {
  if (text == "off") return 0;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  static constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"ms", 0.001}, {"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  if (error == std::errc() && number >= 0) {
    for (const auto& [name, seconds] : kUnits) {
      if (unit == name) return number * seconds;
    }
  }
  throw Error(ErrorCode::config, fmt::format("'{}' is not a duration", text))
      .hint("write 500ms, 90s, 30min, 2h or off");
}

}  // namespace pgcycle
