#include "pgcycle/dump/line_decoder.hpp"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pgcycle/support/error.hpp"
#include "pgcycle/support/utf8.hpp"

namespace pgcycle::dump {

namespace {

constexpr std::string_view kNamesEncoding = "SET client_encoding = '";
constexpr std::string_view kNamesUtf8 = "SET client_encoding = 'UTF8';";

using Pair = std::pair<std::string_view, std::string_view>;
// What databases can be in but WIN…, which is CP… there, and MULE_INTERNAL, which is nowhere else.
constexpr std::array<Pair, 21> kNames{
    {{"EUC_CN", "EUC-CN"},         {"EUC_JIS_2004", "EUC-JISX0213"},
     {"EUC_JP", "EUC-JP-MS"},      {"EUC_KR", "EUC-KR"},
     {"EUC_TW", "EUC-TW"},         {"ISO_8859_5", "ISO-8859-5"},
     {"ISO_8859_6", "ISO-8859-6"}, {"ISO_8859_7", "ISO-8859-7"},
     {"ISO_8859_8", "ISO-8859-8"}, {"KOI8R", "KOI8-R"},
     {"KOI8U", "KOI8-U"},          {"LATIN1", "ISO-8859-1"},
     {"LATIN10", "ISO-8859-16"},   {"LATIN2", "ISO-8859-2"},
     {"LATIN3", "ISO-8859-3"},     {"LATIN4", "ISO-8859-4"},
     {"LATIN5", "ISO-8859-9"},     {"LATIN6", "ISO-8859-10"},
     {"LATIN7", "ISO-8859-13"},    {"LATIN8", "ISO-8859-14"},
     {"LATIN9", "ISO-8859-15"}}};

}  // namespace

class LineDecoder::Conversion {
 public:
  explicit Conversion(const std::string& from) : handle_(iconv_open("UTF-8", from.c_str())) {}
  ~Conversion() {
    if (is_open()) iconv_close(handle_);
  }
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;

  bool is_open() const { return handle_ != reinterpret_cast<iconv_t>(-1); }  // NOLINT

  // Nothing where the line is not in that encoding.
  std::optional<std::string_view> convert(std::string_view line) {
    constexpr std::size_t kMostBytes = 4;  // in UTF-8, of one byte
    out_.resize(kMostBytes * line.size());
    char* in = const_cast<char*>(line.data());  // NOLINT: iconv only reads it
    std::size_t in_left = line.size();
    char* out = out_.data();
    std::size_t out_left = out_.size();
    iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    if (iconv(handle_, &in, &in_left, &out, &out_left) == static_cast<std::size_t>(-1)) return {};
    iconv(handle_, nullptr, nullptr, &out, &out_left);
    return std::string_view(out_).substr(0, out_.size() - out_left);
  }

 private:
  iconv_t handle_;
  std::string out_;
};

LineDecoder::LineDecoder(std::string file) : file_(std::move(file)) {}
LineDecoder::~LineDecoder() = default;
LineDecoder::LineDecoder(LineDecoder&&) noexcept = default;
LineDecoder& LineDecoder::operator=(LineDecoder&&) noexcept = default;

std::string_view LineDecoder::decode(std::string_view line, int number, bool begins_statement) {
  if (begins_statement && line.starts_with(kNamesEncoding)) {
    const std::string_view rest = line.substr(kNamesEncoding.size());
    begin(std::string(rest.substr(0, rest.find('\''))), number);
    return kNamesUtf8;
  }
  if (!conversion_) {
    if (encoding_ != "SQL_ASCII" || is_utf8(line)) return line;
    throw Error(ErrorCode::input, "the dump holds text that is not UTF-8")
        .at(file_, number)
        .detail("it is of an SQL_ASCII database, which does not tell what its bytes mean")
        .hint("write a plain dump and name the encoding of its text in its SET client_encoding");
  }
  if (ascii_prefix(line) == line.size()) return line;
  if (const auto converted = conversion_->convert(line)) return *converted;
  throw Error(ErrorCode::input, fmt::format("the dump holds text that is not {}", encoding_))
      .at(file_, number)
      .hint("write it with pg_dump --encoding=UTF8");
}

void LineDecoder::begin(std::string encoding, int number) {
  encoding_ = std::move(encoding);
  conversion_.reset();
  if (encoding_ == "UTF8" || encoding_ == "SQL_ASCII") return;
  if (const auto name = iconv_name_of(encoding_)) {
    conversion_ = std::make_unique<Conversion>(*name);
    if (conversion_->is_open()) return;
  }
  throw Error(ErrorCode::input, fmt::format("the dump's encoding cannot be read: {}", encoding_))
      .at(file_, number)
      .hint("write it with pg_dump --encoding=UTF8");
}

std::optional<std::string> iconv_name_of(std::string_view encoding) {
  if (encoding.starts_with("WIN")) return fmt::format("CP{}", encoding.substr(3));
  const auto found = std::find_if(kNames.begin(), kNames.end(),
                                  [encoding](const Pair& pair) { return pair.first == encoding; });
  if (found == kNames.end()) return std::nullopt;
  return std::string(found->second);
}

}  // namespace pgcycle::dump
