// A stream of pieces, cut into lines.
#pragma once

#include <string>
#include <string_view>

namespace pgcycle::dump {

class LineCutter {
 public:
  // Hands each line that is whole to `line`, without its newline.
  template <class Line>
  void take(std::string_view piece, Line&& line) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      if (end == std::string_view::npos) {
        rest_.append(piece);
        return;
      }
      if (rest_.empty()) {
        line(piece.substr(0, end));
      } else {
        rest_.append(piece.substr(0, end));
        line(std::string_view(rest_));
        rest_.clear();
      }
      piece.remove_prefix(end + 1);
    }
  }

  // A last line that has no newline.
  template <class Line>
  void finish(Line&& line) {
    if (!rest_.empty()) line(std::string_view(rest_));
  }

 private:
  std::string rest_;
};

}  // namespace pgcycle::dump
