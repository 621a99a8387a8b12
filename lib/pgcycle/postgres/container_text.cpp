#include "pgcycle/postgres/container_text.hpp"

#include <fmt/format.h>

#include "pgcycle/support/error.hpp"

namespace pgcycle::postgres {

namespace {

constexpr std::string_view kSpace = " \t\n\r\v\f";

[[noreturn]] void malformed(const char* what) {
  throw Error(ErrorCode::internal, fmt::format("malformed text form of {}", what));
}

bool is_null_word(std::string_view text) {
  return text.size() == 4 && (text[0] | 0x20) == 'n' && (text[1] | 0x20) == 'u' &&
         (text[2] | 0x20) == 'l' && (text[3] | 0x20) == 'l';
}

void append_array_element(std::string& out, const ContainerItem& element, char delimiter) {
  if (!element) {
    out += "NULL";
    return;
  }
  const std::string special = std::string("\"\\{}") + delimiter + std::string(kSpace);
  const bool quote = element->empty() || is_null_word(*element) ||
                     element->find_first_of(special) != std::string::npos;
  if (!quote) {
    out += *element;
    return;
  }
  out.push_back('"');
  for (const char c : *element) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

// Reads one element that starts at `i`; leaves `i` behind it.
ContainerItem read_array_element(std::string_view text, std::size_t& i, char delimiter) {
  std::string element;
  if (text[i] == '"') {
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\') ++i;
      if (i >= text.size()) malformed("an array");
      element.push_back(text[i]);
    }
    if (i++ >= text.size()) malformed("an array");
    return element;
  }
  while (i < text.size() && text[i] != delimiter && text[i] != '}') {
    if (text[i] == '\\') ++i;
    if (i >= text.size()) malformed("an array");
    element.push_back(text[i++]);
  }
  if (is_null_word(element)) return std::nullopt;
  return element;
}

}  // namespace

std::optional<std::vector<ContainerItem>> parse_simple_array(std::string_view text,
                                                             char delimiter) {
  if (text.size() < 2 || text.front() != '{') return std::nullopt;  // "[2:3]={…}"
  if (text[1] == '{') return std::nullopt;
  std::vector<ContainerItem> elements;
  if (text == "{}") return elements;
  for (std::size_t i = 1;; ++i) {
    elements.push_back(read_array_element(text, i, delimiter));
    if (i >= text.size()) malformed("an array");
    if (text[i] == '}') return elements;
  }
}

std::string format_array(const std::vector<ContainerItem>& elements, char delimiter) {
  std::string out = "{";
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) out.push_back(delimiter);
    append_array_element(out, elements[i], delimiter);
  }
  out.push_back('}');
  return out;
}

std::string map_array(std::string_view text, char delimiter,
                      const std::function<ContainerItem(const ContainerItem&)>& change) {
  std::string out;
  std::size_t i = text.find('{');
  if (i == std::string_view::npos) malformed("an array");
  out.append(text.substr(0, i));  // explicit bounds
  while (i < text.size()) {
    const char c = text[i];
    const bool empty = c == '}' || c == '{' || c == delimiter;
    if (empty) {
      out.push_back(c);
      ++i;
      continue;
    }
    append_array_element(out, change(read_array_element(text, i, delimiter)), delimiter);
  }
  return out;
}

std::vector<ContainerItem> parse_composite(std::string_view text) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') malformed("a composite value");
  std::vector<ContainerItem> fields;
  std::size_t i = 1;
  for (;;) {
    ContainerItem field;
    while (i + 1 < text.size() && text[i] != ',') {
      if (!field) field.emplace();
      if (text[i] != '"') {
        if (text[i] == '\\') ++i;
        field->push_back(text[i++]);
        continue;
      }
      for (++i; i < text.size(); ++i) {
        if (text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
          field->push_back(text[i++]);
        } else if (text[i] == '"') {
          break;
        } else {
          if (text[i] == '\\') ++i;
          field->push_back(text[i]);
        }
      }
      ++i;
    }
    fields.push_back(std::move(field));
    if (i + 1 >= text.size()) return fields;
    ++i;  // the comma
  }
}

std::string format_composite(const std::vector<ContainerItem>& fields) {
  static const std::string kSpecial = std::string("\"\\(),") + std::string(kSpace);
  std::string out = "(";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out.push_back(',');
    if (!fields[i]) continue;
    const bool quote =
        fields[i]->empty() || fields[i]->find_first_of(kSpecial) != std::string::npos;
    if (!quote) {
      out += *fields[i];
      continue;
    }
    out.push_back('"');
    for (const char c : *fields[i]) {
      if (c == '"' || c == '\\') out.push_back(c);
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back(')');
  return out;
}

}  // namespace pgcycle::postgres
