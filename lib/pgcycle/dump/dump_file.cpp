#include "pgcycle/dump/dump_file.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>
#include <string>

#include "pgcycle/support/error.hpp"

namespace pgcycle::dump {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

namespace {

constexpr std::size_t kHeaderBytes = 4096;

std::string read_header(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorCode::input, fmt::format("cannot read the dump {}", path.string()))
        .hint("check the file's permissions");
  }
  std::string header(kHeaderBytes, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(file.gcount()));
  return header;
}

// A name for forms that are known and not restored yet.
std::optional<std::string_view> later_form(std::string_view header) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kCompressed{
      {{"\x1f\x8b"sv, "gzip"},
       {"\x28\xb5\x2f\xfd"sv, "zstd"},
       {"\x04\x22\x4d\x18"sv, "lz4"},
       {"\xfd\x37\x7a\x58\x5a\x00"sv, "xz"}}};
  for (const auto& [magic, name] : kCompressed) {
    if (header.starts_with(magic)) return name;
  }
  const bool sql = header.find("PostgreSQL database dump") != std::string_view::npos ||
                   header.find("CREATE TABLE") != std::string_view::npos ||
                   header.find("SET statement_timeout") != std::string_view::npos;
  if (sql) return "plain SQL";
  return std::nullopt;
}

bool is_tar_dump(std::string_view header) {
  return header.size() > 262 && header.substr(257, 5) == "ustar" && header.starts_with("toc.dat");
}

}  // namespace

std::string_view name_of(DumpFormat format) {
  switch (format) {
    case DumpFormat::custom:
      return "custom";
    case DumpFormat::directory:
      return "directory";
    case DumpFormat::tar:
      return "tar";
  }
  return "unknown";
}

DumpFile inspect_dump(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status)) {
    throw Error(ErrorCode::input, fmt::format("no such dump: {}", path.string()))
        .hint(
            "name a dump with --dump FILE or \"dump\": {\"file\": …} in pgcycle.json; make one "
            "with pg_dump -Fc");
  }
  if (fs::is_directory(status)) {
    if (fs::exists(path / "toc.dat")) return {path, DumpFormat::directory, 0};
    throw Error(ErrorCode::input, fmt::format("{} is not a dump", path.string()))
        .detail("a directory without toc.dat")
        .hint("make one with pg_dump -Fd");
  }
  const std::string header = read_header(path);
  const std::uint64_t bytes = fs::file_size(path, ignored);
  if (header.starts_with("PGDMP")) return {path, DumpFormat::custom, bytes};
  if (is_tar_dump(header)) return {path, DumpFormat::tar, bytes};
  if (const auto form = later_form(header)) {
    throw Error(
        ErrorCode::unsupported,
        fmt::format("{} is a {} dump, which this version does not restore", path.string(), *form))
        .hint("make the dump with pg_dump -Fc, which is compressed already");
  }
  throw Error(ErrorCode::input, fmt::format("{} is not a dump", path.string()))
      .detail(header.empty() ? "the file is empty" : "it does not start as any form of pg_dump's")
      .hint("make one with pg_dump -Fc");
}

}  // namespace pgcycle::dump
