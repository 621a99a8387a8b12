// Dumps in a form that the client programs cannot read as it is: compressed ones and
// plain SQL. Both are written, decompressed and filtered, to a file without a name, so
// that nothing of a dump stays behind, however the program ends.
//
// Decompression is the work of gzip, zstd, lz4 and xz, which must be installed.
// Errors: Error{input}; Error{step} for a file that is damaged or cut short;
// Error{config} when a program is missing.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "pgcycle/config/config.hpp"
#include "pgcycle/dump/dump_file.hpp"
#include "pgcycle/dump/requirements.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/reporter.hpp"

namespace pgcycle::dump {

// Where bytes of a dump are kept for a while.
enum class SpoolPlace { disk, memory };

class UnpackedDump {
 public:
  // Takes `dump` as it is where nothing has to be done.
  UnpackedDump(const DumpFile& dump, OwnersAndGrants owners, const Environment& environment,
               Reporter& reporter, SpoolPlace place = SpoolPlace::disk,
               HasExtension has_extension = {});

  const DumpFile& dump() const { return dump_; }
  // Of a plain dump; of an archive, its contents tell.
  const Requirements& requirements() const { return requirements_; }

 private:
  std::optional<UnnamedFile> file_;
  Requirements requirements_;
  DumpFile dump_;
};

// A dump that comes through a descriptor, such as standard input, kept in a file.
class SpooledInput {
 public:
  SpooledInput(int descriptor, const Environment& environment, SpoolPlace place = SpoolPlace::disk);
  DumpFile dump() const;

 private:
  UnnamedFile file_;
};

// Hands the decompressed bytes to `sink`.
void decompress(const DumpFile& dump, const Environment& environment,
                const std::function<void(std::string_view)>& sink);
// The form of what is inside a compressed dump. Throws Error{input} when it is no dump.
DumpFormat form_inside(const DumpFile& dump, const Environment& environment);

// Where large files may be put for a while: $TMPDIR or /var/tmp.
std::filesystem::path spool_directory(const Environment& environment);

}  // namespace pgcycle::dump
