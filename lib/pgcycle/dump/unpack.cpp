#include "pgcycle/dump/unpack.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <functional>

#include "pgcycle/dump/line_cutter.hpp"
#include "pgcycle/dump/plain_dump.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::dump {

namespace fs = std::filesystem;

namespace {

using Sink = std::function<void(std::string_view)>;

// Writes the bytes of a dump aside: SQL through the filter, anything else as it is.
class SpoolWriter {
 public:
  SpoolWriter(const UnnamedFile& target, std::string source, OwnersAndGrants owners,
              HasExtension has_extension, Requirements& requirements)
      : path_(target.path()),
        source_(source),
        file_(target.descriptor(), "the decompressed dump"),
        owners_(owners),
        filter_(std::move(source), owners, std::move(has_extension)),
        requirements_(requirements) {}

  void take(std::string_view piece) {
    if (!format_) {
      header_.append(piece);
      if (header_.size() < kHeaderBytes) return;
      piece = begin();
    }
    write(piece);
  }

  // Returns what was written.
  DumpFile finish(Reporter& reporter) {
    if (!format_) write(begin());
    if (*format_ == DumpFormat::plain) {
      cutter_.finish([this](std::string_view line) { write_line(line); });
      filter_.finish();
      if (owners_ == OwnersAndGrants::left_out &&
          filter_.owners_left_out() + filter_.grants_left_out() > 0) {
        reporter.notice("{} owners and {} grants in the dump are left out",
                        filter_.owners_left_out(), filter_.grants_left_out());
      }
    }
    file_.close(false);
    return {path_, source_, *format_, bytes_, Compression::none};
  }

 private:
  std::string_view begin() {
    const auto format = format_of(header_);
    if (!format) throw not_a_dump(source_, header_.empty());
    format_ = format;
    return header_;
  }

  void write(std::string_view piece) {
    bytes_ += piece.size();
    if (*format_ != DumpFormat::plain) return file_.write(piece);
    cutter_.take(piece, [this](std::string_view line) { write_line(line); });
  }

  void write_line(std::string_view line) {
    file_.write(filter_.pass(line));
    file_.write("\n");
    if (filter_.last_line() == PlainDumpFilter::Line::other) requirements_.add_line(line);
  }

  fs::path path_;
  std::string source_;
  FileWriter file_;
  OwnersAndGrants owners_;
  PlainDumpFilter filter_;
  Requirements& requirements_;
  std::optional<DumpFormat> format_;
  std::string header_;
  LineCutter cutter_;
  std::uint64_t bytes_ = 0;
};

UnnamedFile spool(const Environment& environment, SpoolPlace place) {
  return place == SpoolPlace::memory ? UnnamedFile::in_memory()
                                     : UnnamedFile(spool_directory(environment));
}

}  // namespace

void decompress(const DumpFile& dump, const Environment& environment, const Sink& sink) {
  const std::string name(name_of(dump.compression));
  const auto program = find_program(name, environment("PATH").value_or("/usr/bin:/bin"));
  if (!program) {
    throw Error(ErrorCode::config, fmt::format("{} is not installed", name))
        .at(dump.name)
        .hint(fmt::format("install it: the dump is compressed with {}", name));
  }
  const FileDescriptor source = open_to_read(dump.path);
  ProcessSpec spec;
  spec.command = {*program, "-dcq"};
  spec.standard_input = source.get();
  spec.die_with_parent_signal = SIGKILL;
  const ProcessResult result = run_process(spec, {}, sink);
  if (result.ok()) return;
  throw Error(ErrorCode::step, fmt::format("cannot decompress {}", dump.name))
      .at(dump.name)
      .detail(result.errors)
      .hint("the dump is damaged or cut short; fetch it again");
}

DumpFormat form_inside(const DumpFile& dump, const Environment& environment) {
  struct Enough {};
  std::string header;
  try {
    decompress(dump, environment, [&header](std::string_view piece) {
      header.append(piece);
      if (header.size() >= kHeaderBytes) throw Enough();
    });
  } catch (const Enough&) {
  }
  const auto format = format_of(std::string_view(header).substr(0, kHeaderBytes));
  if (!format) throw not_a_dump(dump.name, header.empty());
  return *format;
}

fs::path spool_directory(const Environment& environment) {
  if (const auto given = environment("TMPDIR"); given && !given->empty()) return *given;
  return "/var/tmp";
}

SpooledInput::SpooledInput(int descriptor, const Environment& environment, SpoolPlace place)
    : file_(spool(environment, place)) {
  FileWriter file(file_.descriptor(), "standard input");
  read_blocks(descriptor, "standard input", [&file](std::string_view block) { file.write(block); });
  file.close(false);
}

DumpFile SpooledInput::dump() const { return inspect_dump(file_.path(), "standard input"); }

UnpackedDump::UnpackedDump(const DumpFile& dump, OwnersAndGrants owners,
                           const Environment& environment, Reporter& reporter, SpoolPlace place,
                           HasExtension has_extension)
    : dump_(dump) {
  const bool plain = dump.compression == Compression::none;
  if (plain && dump.format != DumpFormat::plain) return;
  file_.emplace(spool(environment, place));
  SpoolWriter writer(*file_, dump.name, owners, std::move(has_extension), requirements_);
  const Sink sink = [&writer](std::string_view piece) { writer.take(piece); };
  if (plain) {
    read_blocks(open_to_read(dump.path).get(), dump.name, sink);
  } else {
    decompress(dump, environment, sink);
  }
  dump_ = writer.finish(reporter);
}

}  // namespace pgcycle::dump
