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

std::string read_header(const fs::path& path, const std::string& name) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorCode::input, fmt::format("cannot read the dump {}", name))
        .hint("check the file's permissions");
  }
  std::string header(kHeaderBytes, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(file.gcount()));
  return header;
}

Compression compression_of(std::string_view header) {
  static constexpr std::array<std::pair<std::string_view, Compression>, 4> kMagic{
      {{"\x1f\x8b"sv, Compression::gzip},
       {"\x28\xb5\x2f\xfd"sv, Compression::zstd},
       {"\x04\x22\x4d\x18"sv, Compression::lz4},
       {"\xfd\x37\x7a\x58\x5a\x00"sv, Compression::xz}}};
  for (const auto& [magic, compression] : kMagic) {
    if (header.starts_with(magic)) return compression;
  }
  return Compression::none;
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
    case DumpFormat::plain:
      return "plain";
  }
  return "unknown";
}

std::string_view name_of(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
    case Compression::lz4:
      return "lz4";
    case Compression::xz:
      return "xz";
  }
  return "unknown";
}

std::string_view form_of(const DumpFile& dump) {
  return dump.compression == Compression::none ? name_of(dump.format) : name_of(dump.compression);
}

std::optional<DumpFormat> format_of(std::string_view header) {
  if (header.starts_with("PGDMP")) return DumpFormat::custom;
  if (is_tar_dump(header)) return DumpFormat::tar;
  const bool sql = header.find("-- PostgreSQL database dump") != std::string_view::npos ||
                   header.find("-- PostgreSQL database cluster dump") != std::string_view::npos;
  if (sql) return DumpFormat::plain;
  return std::nullopt;
}

Error not_a_dump(const std::string& name, bool empty) {
  return Error(ErrorCode::input, fmt::format("{} is not a dump", name))
      .detail(empty ? "the file is empty" : "it does not start as any form of pg_dump's")
      .hint("make one with pg_dump -Fc");
}

DumpFile inspect_dump(const fs::path& path, std::string name) {
  if (name.empty()) name = path.string();
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status)) {
    throw Error(ErrorCode::input, fmt::format("no such dump: {}", name))
        .hint(
            "name a dump with --dump FILE or \"dump\": {\"file\": …} in pgcycle.json; make one "
            "with pg_dump -Fc");
  }
  if (fs::is_directory(status)) {
    if (fs::exists(path / "toc.dat")) return {path, name, DumpFormat::directory};
    throw Error(ErrorCode::input, fmt::format("{} is not a dump", name))
        .detail("a directory without toc.dat")
        .hint("make one with pg_dump -Fd");
  }
  const std::string header = read_header(path, name);
  const std::uint64_t bytes = fs::file_size(path, ignored);
  const Compression compression = compression_of(header);
  if (compression != Compression::none) return {path, name, DumpFormat::custom, bytes, compression};
  if (const auto format = format_of(header)) return {path, name, *format, bytes, compression};
  throw not_a_dump(name, header.empty());
}

}  // namespace pgcycle::dump
