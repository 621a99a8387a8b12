#include "pgcycle/dump/sql_stream.hpp"

#include <fmt/format.h>

#include <optional>

#include "pgcycle/dump/line_cutter.hpp"
#include "pgcycle/dump/line_decoder.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/server/client_program.hpp"

namespace pgcycle::dump {

namespace {

// Cuts a stream into lines, which pass the filter.
class LineReader {
 public:
  LineReader(const RestoreRequest& request, SqlPart part, SqlText text,
             const std::function<void(const SqlLine&)>& sink)
      : filter_(request.dump.name, request.owners, request.has_extension),
        part_(part),
        sink_(sink) {
    if (text == SqlText::in_utf8) decoder_.emplace(request.dump.name);
  }

  void take(std::string_view piece) {
    cutter_.take(piece, [this](std::string_view text) { line(text); });
  }

  void finish() {
    cutter_.finish([this](std::string_view text) { line(text); });
    filter_.finish();
  }

 private:
  void line(std::string_view text) {
    if (decoder_) {
      text = decoder_->decode(text, filter_.line_number() + 1, filter_.is_between_statements());
    }
    const std::string_view out = filter_.pass(text);
    const PlainDumpFilter::Line kind = filter_.last_line();
    using Line = PlainDumpFilter::Line;
    const bool is_copy =
        kind == Line::copy_statement || kind == Line::copy_row || kind == Line::copy_end;
    if (is_copy && filter_.leaves_rows_out()) return;
    if (part_ == SqlPart::schema &&
        (is_copy || kind == Line::large_object || kind == Line::transaction)) {
      return;
    }
    sink_({out, text, kind, filter_.line_number()});
  }

  std::optional<LineDecoder> decoder_;
  PlainDumpFilter filter_;
  SqlPart part_;
  const std::function<void(const SqlLine&)>& sink_;
  LineCutter cutter_;
};

}  // namespace

void read_as_sql(const RestoreRequest& request, SqlPart part, SqlText text,
                 const std::function<void(const SqlLine&)>& sink) {
  LineReader lines(request, part, text, sink);
  const OutputSink take = [&lines](std::string_view piece) { lines.take(piece); };
  const DumpFile& dump = request.dump;
  if (dump.compression != Compression::none) {
    if (form_inside(dump, request.environment) == DumpFormat::plain) {
      decompress(dump, request.environment, take);
      return lines.finish();
    }
    const UnpackedDump archive(dump, request.owners, request.environment, request.reporter,
                               SpoolPlace::memory);
    RestoreRequest inner{archive.dump(),       request.database, request.server_major,
                         request.container,    request.jobs,     request.owners,
                         request.environment,  request.reporter, request.onto_its_own_server,
                         request.has_extension};
    return read_as_sql(inner, part, text, sink);
  }
  if (dump.format == DumpFormat::plain) {
    read_blocks(open_to_read(dump.path).get(), dump.name, take);
    return lines.finish();
  }
  std::vector<std::string> arguments{"--file=-"};
  if (part == SqlPart::schema) {
    arguments.insert(arguments.end(), {"--schema-only", "--create"});
  }
  for (std::string& option : options_that_leave_out(request)) {
    arguments.push_back(std::move(option));
  }
  run_pg_restore(request, std::move(arguments), take);
  lines.finish();
}

}  // namespace pgcycle::dump
