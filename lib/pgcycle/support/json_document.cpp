#include "pgcycle/support/json_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

namespace pgcycle {

namespace {

constexpr std::string_view kSeparators = " \t\r\n,:";
constexpr std::string_view kNumberCharacters = "+-.0123456789eE";

Location place_of(std::string_view text, std::size_t offset, const std::string& file) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? offset + 1 : offset - newline;
  return {file, static_cast<int>(line), static_cast<int>(column)};
}

// Finds where the next token starts after the end of the one before.
std::size_t skip_to_token(std::string_view text, std::size_t offset) {
  for (;;) {
    offset = std::min(text.find_first_not_of(kSeparators, offset), text.size());
    const std::string_view rest = text.substr(offset);
    if (rest.starts_with("//")) {
      offset = std::min(text.find('\n', offset), text.size());
    } else if (rest.starts_with("/*")) {
      const std::size_t end = text.find("*/", offset + 2);
      offset = end == std::string_view::npos ? text.size() : end + 2;
    } else {
      return offset;
    }
  }
}

std::size_t end_of_string(std::string_view text, std::size_t offset) {
  for (++offset; offset < text.size() && text[offset] != '"'; ++offset) {
    if (text[offset] == '\\') ++offset;
  }
  return std::min(offset + 1, text.size());
}

// Receives the parser's events in the order of the text and, walking the text
// beside it token by token, gives each value its place.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  bool null() override { return scalar(JsonValue::Kind::null, {}); }
  bool boolean(bool value) override {
    return scalar(JsonValue::Kind::boolean, value ? "true" : "false");
  }
  bool number_integer(number_integer_t) override { return number(); }
  bool number_unsigned(number_unsigned_t) override { return number(); }
  bool number_float(number_float_t, const string_t&) override { return number(); }
  bool string(string_t& value) override { return scalar(JsonValue::Kind::string, value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(JsonValue::Kind::object); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(JsonValue::Kind::array); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    JsonValue& object = *open_.back();
    const Location place = next_place();
    if (object.find(name) != nullptr) {
      throw Error(ErrorCode::input, fmt::format("key \"{}\" appears twice in one object", name))
          .at(place)
          .hint("remove one of the two");
    }
    offset_ = end_of_string(text_, offset_);
    object.keys.push_back(name);
    object.key_places.push_back(place);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    std::string reason = error.what();
    for (const char* cut : {"syntax error", "; last read"}) {
      const std::size_t found = reason.find(cut);
      if (found == std::string::npos) continue;
      reason = cut[0] == 's' ? reason.substr(found) : reason.substr(0, found);
    }
    throw Error(ErrorCode::input, "malformed JSON")
        .at(place_of(text_, position == 0 ? 0 : position - 1, file_))
        .detail(token.size() > 40 ? reason.substr(0, 120) : reason)
        .hint("a comma, quote or bracket is missing or left over near this place");
  }

  JsonValue take() { return std::move(root_); }

 private:
  // Lines are counted on from the place before.
  Location next_place() {
    offset_ = skip_to_token(text_, offset_);
    for (; counted_ < offset_; ++counted_) {
      if (text_[counted_] != '\n') continue;
      ++line_;
      line_start_ = counted_ + 1;
    }
    return {file_, line_, static_cast<int>(offset_ - line_start_) + 1};
  }

  JsonValue& add(JsonValue::Kind kind) {
    JsonValue value;
    value.kind = kind;
    value.place = next_place();
    if (open_.empty()) {
      root_ = std::move(value);
      return root_;
    }
    open_.back()->items.push_back(std::move(value));
    return open_.back()->items.back();
  }

  bool scalar(JsonValue::Kind kind, std::string text) {
    add(kind).text = std::move(text);
    offset_ = text_[offset_] == '"'
                  ? end_of_string(text_, offset_)
                  : std::min(text_.find_first_of(",]} \t\r\n/", offset_), text_.size());
    return true;
  }

  bool number() {
    const std::size_t start = skip_to_token(text_, offset_);
    const std::size_t end =
        std::min(text_.find_first_not_of(kNumberCharacters, start), text_.size());
    add(JsonValue::Kind::number).text = text_.substr(start, end - start);
    offset_ = end;
    return true;
  }

  bool open(JsonValue::Kind kind) {
    open_.push_back(&add(kind));
    ++offset_;
    return true;
  }

  bool close() {
    next_place();
    ++offset_;
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t offset_ = 0;
  std::size_t counted_ = 0;  // how far lines are counted
  int line_ = 1;
  std::size_t line_start_ = 0;
  JsonValue root_;
  // Pointers stay valid: a container grows only while it is the innermost.
  std::vector<JsonValue*> open_;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[static_cast<std::size_t>(found - keys.begin())];
}

std::string JsonValue::to_json() const {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
    case Kind::number:
      return text;
    case Kind::string: {
      std::string out;
      append_json_string(out, text);
      return out;
    }
    case Kind::array:
    case Kind::object:
      break;
  }
  const bool object = kind == Kind::object;
  std::string out(1, object ? '{' : '[');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    if (object) {
      append_json_string(out, keys[i]);
      out += ": ";
    }
    out += items[i].to_json();
  }
  out.push_back(object ? '}' : ']');
  return out;
}

std::string_view name_of(JsonValue::Kind kind) {
  switch (kind) {
    case JsonValue::Kind::null:
      return "null";
    case JsonValue::Kind::boolean:
      return "a boolean";
    case JsonValue::Kind::number:
      return "a number";
    case JsonValue::Kind::string:
      return "a string";
    case JsonValue::Kind::array:
      return "an array";
    case JsonValue::Kind::object:
      return "an object";
  }
  return "a value";
}

JsonValue parse_json(std::string_view text, const std::string& file) {
  TreeBuilder builder(text, file);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder,
                            nlohmann::json::input_format_t::json, true, true);
  return builder.take();
}

namespace {

// Eight bytes at a time: whether any is a control character, a quote or a backslash. The
// tests for a byte less than n and for a byte that is zero are those of Anderson's "Bit
// Twiddling Hacks"; they may only be mistaken for bytes above a real hit.
bool needs_no_escape(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighBits = kOnes << 7U;
  const auto has_zero = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighBits; };
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    const std::uint64_t control = (word - kOnes * 0x20) & ~word & kHighBits;
    if ((control | has_zero(word ^ (kOnes * '"')) | has_zero(word ^ (kOnes * '\\'))) != 0) {
      return false;
    }
  }
  for (; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x20 || text[i] == '"' || text[i] == '\\') {
      return false;
    }
  }
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  out.push_back('"');
  if (needs_no_escape(text)) {
    out.append(text);
    out.push_back('"');
    return;
  }
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        out += "\\u00";
        out.push_back(kDigits[static_cast<unsigned char>(c) >> 4U]);
        out.push_back(kDigits[static_cast<unsigned char>(c) & 15U]);
    }
  }
  out.append(text, plain);
  out.push_back('"');
}

}  // namespace pgcycle
