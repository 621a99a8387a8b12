// Lines of a dump in UTF-8, whatever encoding the dump says that it is in.
//
// Conversion is the C library's (iconv). Thread rule: one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pgcycle::dump {

class LineDecoder {
 public:
  // `file` is what errors call the dump.
  explicit LineDecoder(std::string file);
  ~LineDecoder();
  LineDecoder(LineDecoder&&) noexcept;
  LineDecoder& operator=(LineDecoder&&) noexcept;

  // The next line, a view until the next call. Where a statement begins that names the dump's
  // encoding, it names UTF-8 instead. Throws Error{input} with file and line for what cannot be
  // converted.
  std::string_view decode(std::string_view line, int number, bool begins_statement);

 private:
  class Conversion;

  void begin(std::string encoding, int number);

  std::string file_;
  std::string encoding_;                    // as the dump names it; empty until then
  std::unique_ptr<Conversion> conversion_;  // none of UTF-8 and SQL_ASCII
};

// iconv's name of an encoding that databases can be in, by PostgreSQL's name; nothing where it has
// none.
std::optional<std::string> iconv_name_of(std::string_view encoding);

}  // namespace pgcycle::dump
