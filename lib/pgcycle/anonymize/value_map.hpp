// What makes of an original the value that is written in its place.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "pgcycle/anonymize/mask_row.hpp"

namespace pgcycle::anonymize {

// A function from a text and its row to a text, or to nothing, which stands for NULL. Values go
// by the million: `append` writes to the end of a buffer that the caller keeps.
//
// Thread rule: that of the function it is made of.
class ValueMap {
 public:
  ValueMap() = default;

  // Of a function that appends its output to `out`, and returns false for NULL without a change;
  // or of one that returns a text, an optional one or std::nullopt.
  template <class Make>
  requires(!std::same_as<std::remove_cvref_t<Make>, ValueMap>)
      ValueMap(Make make) {  // NOLINT(google-explicit-constructor): lambdas become generators
    if constexpr (std::is_invocable_v<const Make&, std::string_view, const MaskRow&,
                                      std::string&>) {
      append_ = std::move(make);
    } else {
      append_ = [make = std::move(make)](std::string_view text, const MaskRow& row,
                                         std::string& out) {
        using Made = std::invoke_result_t<const Make&, std::string_view, const MaskRow&>;
        const std::optional<std::string> made = make(text, row);
        static_assert(std::is_convertible_v<Made, std::optional<std::string>>);
        if (made) out += *made;
        return made.has_value();
      };
    }
  }

  explicit operator bool() const { return static_cast<bool>(append_); }

  // False for NULL: nothing was appended.
  bool append(std::string& out, std::string_view text, const MaskRow& row) const {
    return append_(text, row, out);
  }
  std::optional<std::string> operator()(std::string_view text, const MaskRow& row) const {
    std::optional<std::string> out(std::in_place);
    if (!append_(text, row, *out)) out.reset();
    return out;
  }

 private:
  std::function<bool(std::string_view text, const MaskRow& row, std::string& out)> append_;
};

}  // namespace pgcycle::anonymize
