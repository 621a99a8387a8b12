// What a dump file is, told by its content and never by its name.
//
// Errors: Error{input} when the file is missing, empty or no dump.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pgcycle/support/error.hpp"

namespace pgcycle::dump {

enum class DumpFormat { custom, directory, tar, plain };
enum class Compression { none, gzip, zstd, lz4, xz };

// What becomes of the owners and grants in a dump. The roles of its server are seldom
// those of another, so they are left out unless asked for, with a notice that counts them.
enum class OwnersAndGrants { left_out, grants_only, restored };

// Whether the server has an extension, by its name; those that it lacks are left out. Empty: it has
// all.
using HasExtension = std::function<bool(const std::string&)>;

constexpr std::size_t kHeaderBytes = 4096;  // enough to tell the form

struct DumpFile {
  std::filesystem::path path;
  std::string name;                        // what the user calls it
  DumpFormat format = DumpFormat::custom;  // of what is inside, once it is decompressed
  std::uint64_t bytes = 0;
  Compression compression = Compression::none;

  // Kept in a file without a name: it came through a pipe.
  bool is_spooled() const { return name != path.string(); }
};

std::string_view name_of(DumpFormat format);
std::string_view name_of(Compression compression);
// "custom", "plain" or, while that is not known, the compression.
std::string_view form_of(const DumpFile& dump);

// The form that a file starts as, or nothing.
std::optional<DumpFormat> format_of(std::string_view header);
Error not_a_dump(const std::string& name, bool empty);

// `name` is what errors call it: the path, unless given.
DumpFile inspect_dump(const std::filesystem::path& path, std::string name = {});

}  // namespace pgcycle::dump
