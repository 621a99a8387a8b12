// What a mask knows beside the value at hand, and who hears of what it does.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace pgcycle::anonymize {

// Hears of every text that a column holds, down to fields, elements and json members.
class MaskObserver {
 public:
  virtual ~MaskObserver() = default;
  // `original` was not to be written; nothing of it may be anywhere.
  virtual void replaced(std::string_view original) = 0;
  // `text` is written as it is.
  virtual void kept(std::string_view text) = 0;
};

struct MaskRow {
  // The row's originals in the order of the table's stored columns; may be empty.
  std::span<const std::optional<std::string_view>> values = {};
  MaskObserver* observer = nullptr;
};

}  // namespace pgcycle::anonymize
