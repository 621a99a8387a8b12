// What a dump file is, told by its content and never by its name.
//
// Errors: Error{input} when the file is missing, empty or no dump;
// Error{unsupported} for forms that this version does not restore.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace pgcycle::dump {

enum class DumpFormat { custom, directory, tar };

struct DumpFile {
  std::filesystem::path path;
  DumpFormat format = DumpFormat::custom;
  std::uint64_t bytes = 0;
};

std::string_view name_of(DumpFormat format);

DumpFile inspect_dump(const std::filesystem::path& path);

}  // namespace pgcycle::dump
