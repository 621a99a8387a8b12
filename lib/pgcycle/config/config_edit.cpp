#include "pgcycle/config/config_edit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pgcycle/support/json_document.hpp"

namespace pgcycle {

namespace {

// Where a line and a column, both from 1, are in the text.
std::size_t offset_of(std::string_view text, const Location& place) {
  std::size_t offset = 0;
  for (int line = 1; line < place.line; ++line) offset = text.find('\n', offset) + 1;
  return offset + static_cast<std::size_t>(place.column - 1);
}

struct ObjectEnd {
  std::size_t brace = 0;             // the closing one
  std::size_t last_significant = 0;  // what comes before it, comments and spaces apart
};

// The end of the object that opens at `open`.
ObjectEnd end_of_object(std::string_view text, std::size_t open) {
  ObjectEnd end;
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("//")) {
      i = std::min(text.find('\n', i), text.size());
    } else if (rest.starts_with("/*")) {
      i = std::min(text.find("*/", i + 2), text.size() - 2) + 1;
    } else if (text[i] == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
      end.last_significant = i;
    } else if (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
      continue;
    } else {
      depth += text[i] == '{' || text[i] == '[' ? 1 : 0;
      depth -= text[i] == '}' || text[i] == ']' ? 1 : 0;
      if (depth == 0) {
        end.brace = i;
        return end;
      }
      end.last_significant = i;
    }
  }
  end.brace = text.size();
  return end;
}

// "a": {"b": {MEMBERS}} for the names that are missing.
std::string nested(const std::vector<std::string>& names, std::size_t from,
                   const std::vector<NewMember>& members, const std::string& indent) {
  std::string out;
  if (from == names.size()) {
    for (const auto& [name, value] : members) {
      out += out.empty() ? "" : ",\n";
      out += indent;
      append_json_string(out, name);
      out += ": " + value;
    }
    return out;
  }
  out = indent;
  append_json_string(out, names[from]);
  return out + ": {\n" + nested(names, from + 1, members, indent + "  ") + "\n" + indent + "}";
}

}  // namespace

std::string add_members(std::string_view text, const std::string& file,
                        const std::vector<std::string>& path,
                        const std::vector<NewMember>& members) {
  if (members.empty()) return std::string(text);
  if (text.empty()) text = "{\n}\n";
  const JsonValue document = parse_json(text, file);
  const JsonValue* object = &document;
  std::size_t known = 0;
  for (; known < path.size(); ++known) {
    const JsonValue* next = object->find(path[known]);
    if (next == nullptr) break;
    object = next;
  }
  if (!object->is(JsonValue::Kind::object)) {
    throw Error(ErrorCode::config, fmt::format("\"{}\" is no object", path[known - 1]))
        .at(object->place);
  }
  const std::size_t open = offset_of(text, object->place);
  const ObjectEnd end = end_of_object(text, open);
  const std::string indent(2 * (known + 1), ' ');
  std::string out(text.substr(0, end.last_significant + 1));
  if (!object->keys.empty()) out += ',';
  // A comment may stand between the last member and the brace.
  std::string_view between =
      text.substr(end.last_significant + 1, end.brace - end.last_significant - 1);
  while (!between.empty() && (between.back() == ' ' || between.back() == '\n')) {
    between.remove_suffix(1);
  }
  out.append(between).append("\n");
  out += nested(path, known, members, indent) + "\n" + std::string(2 * known, ' ');
  return out.append(text.substr(end.brace));
}

}  // namespace pgcycle
