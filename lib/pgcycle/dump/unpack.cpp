#include "pgcycle/dump/unpack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "pgcycle/dump/plain_dump.hpp"
#include "pgcycle/support/error.hpp"
#include "pgcycle/support/interrupt.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::dump {

namespace fs = std::filesystem;

namespace {

using Sink = std::function<void(std::string_view)>;

// Writes the bytes of a dump aside: SQL through the filter, anything else as it is.
class SpoolWriter {
 public:
  SpoolWriter(fs::path target, std::string source)
      : target_(std::move(target)), file_(target_, 0600), filter_(std::move(source)) {}

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
      if (!line_.empty()) write_line(line_);
      filter_.finish();
      if (filter_.owners_left_out() + filter_.grants_left_out() > 0) {
        reporter.notice("{} owners and {} grants in the dump are left out",
                        filter_.owners_left_out(), filter_.grants_left_out());
      }
    }
    file_.close(false);
    return {target_, *format_, bytes_, Compression::none};
  }

 private:
  std::string_view begin() {
    const auto format = format_of(header_);
    if (!format) throw not_a_dump(filter_source(), header_.empty());
    format_ = format;
    return header_;
  }

  std::string filter_source() const { return target_.filename().string(); }

  void write(std::string_view piece) {
    bytes_ += piece.size();
    if (*format_ != DumpFormat::plain) return file_.write(piece);
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      if (end == std::string_view::npos) {
        line_.append(piece);
        return;
      }
      if (line_.empty()) {
        write_line(piece.substr(0, end));
      } else {
        line_.append(piece.substr(0, end));
        write_line(line_);
        line_.clear();
      }
      piece.remove_prefix(end + 1);
    }
  }

  void write_line(std::string_view line) {
    file_.write(filter_.pass(line));
    file_.write("\n");
  }

  fs::path target_;
  FileWriter file_;
  PlainDumpFilter filter_;
  std::optional<DumpFormat> format_;
  std::string header_;
  std::string line_;
  std::uint64_t bytes_ = 0;
};

void read_all(int descriptor, const std::string& name, const Sink& sink) {
  std::vector<char> buffer(1U << 18U);
  for (;;) {
    throw_if_interrupted();
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw Error(ErrorCode::input, fmt::format("cannot read {}: {}", name, std::strerror(errno)));
    }
    if (count == 0) return;
    sink({buffer.data(), static_cast<std::size_t>(count)});
  }
}

void decompress(const DumpFile& dump, const Environment& environment, const Sink& sink) {
  const std::string name(name_of(dump.compression));
  const auto program = find_program(name, environment("PATH").value_or("/usr/bin:/bin"));
  if (!program) {
    throw Error(ErrorCode::config, fmt::format("{} is not installed", name))
        .at(dump.path.string())
        .hint(fmt::format("install it: the dump is compressed with {}", name));
  }
  const ProcessResult result =
      run_process({{*program, "-dcq", "--", dump.path.string()}, {}, {}, {}}, {}, sink);
  if (result.ok()) return;
  throw Error(ErrorCode::step, fmt::format("cannot decompress {}", dump.path.string()))
      .at(dump.path.string())
      .detail(result.errors)
      .hint("the dump is damaged or cut short; fetch it again");
}

}  // namespace

fs::path spool_directory(const Environment& environment) {
  if (const auto given = environment("TMPDIR"); given && !given->empty()) return *given;
  return "/var/tmp";
}

SpooledInput::SpooledInput(int descriptor, const Environment& environment)
    : directory_(spool_directory(environment)), path_(directory_.path() / "standard-input.dump") {
  FileWriter file(path_, 0600);
  read_all(descriptor, "standard input", [&file](std::string_view piece) { file.write(piece); });
  file.close(false);
}

UnpackedDump::UnpackedDump(const DumpFile& dump, const Environment& environment, Reporter& reporter)
    : dump_(dump) {
  const bool plain = dump.compression == Compression::none;
  if (plain && dump.format != DumpFormat::plain) return;
  directory_.emplace(spool_directory(environment));
  SpoolWriter writer(directory_->path() / dump.path.filename(), dump.path.string());
  const Sink sink = [&writer](std::string_view piece) { writer.take(piece); };
  if (plain) {
    const FileDescriptor file(open(dump.path.c_str(), O_RDONLY | O_CLOEXEC));
    read_all(file.get(), dump.path.string(), sink);
  } else {
    decompress(dump, environment, sink);
  }
  dump_ = writer.finish(reporter);
}

}  // namespace pgcycle::dump
