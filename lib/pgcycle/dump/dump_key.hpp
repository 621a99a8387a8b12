// What a restored dump depends on, as one key.
#pragma once

#include <filesystem>
#include <string>

#include "pgcycle/dump/dump_file.hpp"

namespace pgcycle::dump {

// SHA-256 in hex over the dump's bytes (all files of a directory with their names).
// `memory` is a file that keeps hashes by path, size and time of change, so that a
// large dump is not read again; empty: none.
std::string content_hash(const DumpFile& dump, const std::filesystem::path& memory);

// 32 hex digits over the content, the server's version and how it is restored.
std::string cache_key(const std::string& content_hash, int server_version, OwnersAndGrants owners);

}  // namespace pgcycle::dump
