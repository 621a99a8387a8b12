#include "pgcycle/dump/requirements.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "pgcycle/dump/archive_contents.hpp"
#include "pgcycle/dump/sql_stream.hpp"

namespace pgcycle::dump {

namespace {

struct Word {
  std::string text;
  bool is_quoted = false;

  bool is(std::string_view keyword) const { return !is_quoted && text == keyword; }
};

bool is_part_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

// Names, keywords and single characters; what stands in parentheses or literals is passed over.
std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> out;
  int depth = 0;
  for (std::size_t i = 0; i < line.size();) {
    const char c = line[i];
    Word word;
    if (c == '"') {
      word.is_quoted = true;
      for (++i; i < line.size(); ++i) {
        if (line[i] == '"' && (i + 1 == line.size() || line[++i] != '"')) break;
        word.text.push_back(line[i]);
      }
    } else if (c == '\'') {
      i = std::min(line.find('\'', i + 1), line.size() - 1) + 1;
      continue;
    } else if (is_part_of_name(c)) {
      while (i < line.size() && is_part_of_name(line[i])) word.text.push_back(line[i++]);
    } else {
      ++i;
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (c == ' ' || c == '\t' || c == '\r') continue;
      word.text.push_back(c);
    }
    if (depth == 0) out.push_back(std::move(word));
  }
  return out;
}

bool is_role_keyword(const Word& word) {
  if (word.text == "public") return true;  // no role can have this name
  constexpr std::array<std::string_view, 4> kKeywords{"PUBLIC", "CURRENT_USER", "SESSION_USER",
                                                      "CURRENT_ROLE"};
  return std::any_of(kKeywords.begin(), kKeywords.end(),
                     [&word](std::string_view keyword) { return word.is(keyword); });
}

// The list of roles that begins at `at`.
void add_list(const std::vector<Word>& words, std::size_t at, std::set<std::string>& out) {
  for (; at < words.size(); at += 2) {
    const Word& word = words[at];
    if (!word.is_quoted && !is_part_of_name(word.text.front())) return;
    if (!is_role_keyword(word)) out.insert(word.text);
    if (at + 1 == words.size() || !words[at + 1].is(",")) return;
  }
}

// Behind the first or the last such keyword.
void add_behind_first(const std::vector<Word>& words, std::string_view keyword,
                      std::set<std::string>& out) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [keyword](const Word& word) { return word.is(keyword); });
  if (found == words.end()) return;
  add_list(words, static_cast<std::size_t>(found - words.begin()) + 1, out);
}

void add_behind_last(const std::vector<Word>& words, std::string_view keyword,
                     std::set<std::string>& out) {
  const auto found = std::find_if(words.rbegin(), words.rend(),
                                  [keyword](const Word& word) { return word.is(keyword); });
  if (found == words.rend()) return;
  add_list(words, static_cast<std::size_t>(words.rend() - found), out);
}

}  // namespace

void Requirements::add_line(std::string_view line) {
  const auto starts = [line](std::string_view prefix) { return line.starts_with(prefix); };
  if (starts("CREATE DATABASE ")) {
    if (!locale_) locale_ = server::locale_in(line);
  } else if (starts("CREATE POLICY ")) {
    add_behind_first(words_of(line), "TO", of_objects_);
  } else if (starts("CREATE USER MAPPING ")) {
    add_behind_first(words_of(line), "FOR", of_objects_);
  } else if (starts("GRANT ")) {
    const std::vector<Word> words = words_of(line);
    add_behind_last(words, "TO", of_grants_);
    add_behind_last(words, "BY", of_grants_);
  } else if (starts("REVOKE ")) {
    add_behind_last(words_of(line), "FROM", of_grants_);
  } else if (starts("ALTER DEFAULT PRIVILEGES ")) {
    const std::vector<Word> words = words_of(line);
    add_behind_first(words, "ROLE", of_grants_);
    add_behind_last(words, "TO", of_grants_);
    add_behind_last(words, "FROM", of_grants_);
  } else if (starts("ALTER ") && line.find(" OWNER TO ") != std::string_view::npos) {
    add_behind_last(words_of(line), "TO", of_owners_);
  }
}

void Requirements::add_owner(const std::string& role) {
  if (!role.empty()) of_owners_.insert(role);
}

std::set<std::string> Requirements::roles(OwnersAndGrants owners) const {
  std::set<std::string> out = of_objects_;
  if (owners != OwnersAndGrants::left_out) out.insert(of_grants_.begin(), of_grants_.end());
  if (owners == OwnersAndGrants::restored) out.insert(of_owners_.begin(), of_owners_.end());
  return out;
}

Requirements requirements_of(const RestoreRequest& request) {
  Requirements out;
  if (const auto contents = ArchiveContents::of_dump(request.dump)) {
    for (const ArchiveEntry& entry : contents->entries()) {
      out.add_owner(entry.owner);
      for (std::size_t at = 0; at < entry.statements.size();) {
        const std::size_t end = std::min(entry.statements.find('\n', at), entry.statements.size());
        out.add_line(std::string_view(entry.statements).substr(at, end - at));
        at = end + 1;
      }
    }
    return out;
  }
  const RestoreRequest with_all{request.dump,        request.database, request.server_major,
                                request.container,   request.jobs,     OwnersAndGrants::restored,
                                request.environment, request.reporter};
  read_as_sql(with_all, SqlPart::schema, SqlText::as_written,
              [&out](const SqlLine& line) { out.add_line(line.in_dump); });
  return out;
}

}  // namespace pgcycle::dump
