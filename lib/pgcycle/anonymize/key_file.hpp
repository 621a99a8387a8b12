// Where the key of the pseudonyms comes from.
#pragma once

#include <filesystem>

#include "pgcycle/anonymize/pseudonym.hpp"
#include "pgcycle/config/config.hpp"

namespace pgcycle::anonymize {

// `anonymize.key`, else the file .pgcycle/key beside pgcycle.json. Without
// either there is no run: Error{config}.
PseudonymKey load_key(const Config& config);

// Makes .pgcycle/key with 32 random bytes, mode 0600. Throws Error{config} when
// there is one: another key would change every pseudonym.
std::filesystem::path make_key_file(const Config& config);

}  // namespace pgcycle::anonymize
