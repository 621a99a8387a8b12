#include "pgcycle/anonymize/key_file.hpp"

#include <fmt/format.h>

#include "pgcycle/support/file.hpp"

namespace pgcycle::anonymize {

namespace fs = std::filesystem;

namespace {

fs::path key_path(const Config& config) { return config.directory() / ".pgcycle" / "key"; }

}  // namespace

PseudonymKey load_key(const Config& config) {
  if (const auto text = config.text("anonymize.key"); text && !text->empty()) {
    return PseudonymKey::from_hex(*text);
  }
  const fs::path file = key_path(config);
  if (!fs::exists(file)) {
    throw Error(ErrorCode::config, "there is no key for the pseudonyms")
        .hint("run pgcycle-extract init, or set anonymize.key in pgcycle.json");
  }
  std::string text = read_file(file);
  text.erase(text.find_last_not_of(" \r\n") + 1);
  return PseudonymKey::from_hex(text);
}

fs::path make_key_file(const Config& config) {
  const fs::path file = key_path(config);
  if (fs::exists(file)) {
    throw Error(ErrorCode::config, "there is a key already")
        .at(file.string())
        .hint("a new key would change every pseudonym; remove the file if that is what you want");
  }
  fs::create_directories(file.parent_path());
  const fs::path ignore = file.parent_path() / ".gitignore";
  if (!fs::exists(ignore)) write_file_atomically(ignore, "*\n");
  write_file_atomically(file, to_hex(random_bytes(32)) + "\n", 0600);
  return file;
}

}  // namespace pgcycle::anonymize
