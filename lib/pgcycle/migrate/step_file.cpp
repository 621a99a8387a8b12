#include "pgcycle/migrate/step_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "pgcycle/config/config.hpp"
#include "pgcycle/postgres/sql_lexer.hpp"
#include "pgcycle/postgres/statement_traits.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"

namespace pgcycle::migrate {

namespace {

constexpr std::size_t kScriptHead = 4096;  // where a script may say its directives

std::string normalised(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  return text;
}

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r") - start + 1);
}

void apply_directive(Step& step, std::string_view directive, const Location& place) {
  if (directive == "no-transaction") {
    step.no_transaction = true;
  } else if (directive.starts_with("requires table ")) {
    step.required_tables.emplace_back(trim(directive.substr(15)));
  } else if (directive.starts_with("requires ")) {
    step.required_steps.emplace_back(trim(directive.substr(9)));
  } else if (directive.starts_with("timeout ")) {
    try {
      step.timeout_seconds = parse_duration(trim(directive.substr(8)));
    } catch (const Error& error) {
      throw Error(error).at(place);
    }
  } else if (!directive.starts_with("allow ")) {  // lint's
    throw Error(ErrorCode::input, fmt::format("unknown directive \"{}\"", directive))
        .at(place)
        .hint(
            "directives are no-transaction, requires NUMBER, requires table NAME, timeout "
            "DURATION and allow RULE");
  }
}

// Lines up to the section's mark and behind the next one are emptied.
std::string section_text(const std::string& content, Layout layout, bool up) {
  const std::string mark = layout == Layout::goose ? "-- +goose " : "-- migrate:";
  std::string out;
  out.reserve(content.size());
  bool inside = false;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    const std::string_view line = std::string_view(content).substr(at, end - at);
    if (line.starts_with(mark)) {
      std::string_view word = trim(line.substr(mark.size()));
      word = word.substr(0, word.find(' '));
      if (word == "Up" || word == "up") inside = up;
      if (word == "Down" || word == "down") inside = !up;
    }
    if (inside) out.append(line);
    if (end < content.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

bool says_no_transaction(const std::string& content, Layout sections, bool up) {
  if (sections == Layout::goose) {
    return content.find("-- +goose NO TRANSACTION") != std::string::npos;
  }
  const std::size_t mark = content.find(up ? "-- migrate:up" : "-- migrate:down");
  if (mark == std::string::npos) return false;
  const std::string_view line =
      std::string_view(content).substr(mark, content.find('\n', mark) - mark);
  return line.find("transaction:false") != std::string_view::npos;
}

bool has_sections(const Step& step) {
  return step.sections == Layout::dbmate || step.sections == Layout::goose;
}

std::string read_part(const Step& step, const std::filesystem::path& file, bool up) {
  std::string content = read_file(file);
  return has_sections(step) ? section_text(content, step.sections, up) : content;
}

struct SqlContent {
  bool has_statements = false;
  std::vector<std::filesystem::path> inclusions;  // by \i, \ir and \copy
};

// One reading of the SQL: directives, what it includes, and whether it can be one transaction.
SqlContent read_sql(Step& step, const std::string& sql, bool up) {
  SqlContent content;
  postgres::SqlReader reader(sql, step.file.string());
  bool& alone = up ? step.no_transaction : step.down_no_transaction;
  std::optional<Location> own_control;
  bool keeps = true;
  const auto take = [&](const std::vector<postgres::SqlComment>& comments) {
    for (const postgres::SqlComment& comment : comments) {
      const std::string_view directive = directive_in(comment.text);
      if (directive.empty()) continue;
      if (up) {
        apply_directive(step, directive, comment.place);
      } else if (directive == "no-transaction") {
        step.down_no_transaction = true;
      }
    }
  };
  while (const auto statement = reader.next()) {
    content.has_statements = true;
    take(statement->comments);
    if (statement->kind != postgres::SqlStatement::Kind::sql) continue;
    const postgres::StatementTraits traits = postgres::traits_of(statement->text);
    if (traits.outside_transaction) alone = true;
    keeps = keeps && traits.keeps_session && !statement->execute_result;
    if (up && traits.may_drop) step.may_drop = true;
    const bool ends = traits.control != postgres::TransactionControl::none &&
                      traits.control != postgres::TransactionControl::inner;
    if (ends && !own_control) own_control = statement->place;
  }
  take(reader.trailing_comments());
  content.inclusions = reader.included_files();
  if (up) step.keeps_session = keeps;
  if (own_control && !alone) {
    if (step.sections == Layout::versions) {
      throw Error(ErrorCode::input, "the step ends or begins the transaction that it runs in")
          .at(*own_control)
          .hint("leave out BEGIN, COMMIT and ROLLBACK, or write \"-- pgcycle: no-transaction\"");
    }
    alone = true;  // other tools leave transactions to the file
  }
  return content;
}

// The step's way back in a file of its own.
void read_way_back(Step& step) {
  if (!step.down) return;
  Step way_back;
  way_back.file = *step.down;
  way_back.sections = step.sections;
  read_sql(way_back, read_file(*step.down), false);
  step.down_no_transaction = way_back.down_no_transaction;
}

}  // namespace

std::string_view directive_in(std::string_view comment) {
  comment = trim(comment);
  return comment.starts_with("pgcycle:") ? trim(comment.substr(8)) : std::string_view();
}

std::optional<std::int64_t> leading_number(std::string_view name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end == name.data() || number < 0) return std::nullopt;
  return number;
}

std::optional<std::vector<std::int64_t>> dotted_number(std::string_view text) {
  std::vector<std::int64_t> out;
  while (true) {
    std::int64_t part = 0;
    const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc() || part < 0) return std::nullopt;
    out.push_back(part);
    text.remove_prefix(static_cast<std::size_t>(next - text.data()));
    if (text.empty()) return out;
    if (text[0] != '.' && text[0] != '_') return std::nullopt;
    text.remove_prefix(1);
  }
}

std::optional<std::vector<std::int64_t>> flyway_number(std::string_view text) {
  auto number = dotted_number(text);
  while (number && number->size() > 1 && number->back() == 0) number->pop_back();
  return number;
}

Version one_step_version(const std::filesystem::path& directory, std::string name,
                         std::int64_t number) {
  Version version;
  version.name = std::move(name);
  version.number = {number};
  version.directory = directory;
  Step step;
  step.number = number;
  step.name = version.name;
  step.sections = Layout::plain;
  version.steps.push_back(std::move(step));
  return version;
}

Layout sections_of(const std::string& content) {
  if (content.starts_with("-- +goose ") || content.find("\n-- +goose ") != std::string::npos) {
    return Layout::goose;
  }
  if (content.starts_with("-- migrate:") || content.find("\n-- migrate:") != std::string::npos) {
    return Layout::dbmate;
  }
  return Layout::plain;
}

std::string read_up(const Step& step) { return read_part(step, step.file, true); }

std::string read_down(const Step& step) { return read_part(step, *step.down, false); }

void read_sql_step(Step& step) {
  const std::string content = read_file(step.file);
  std::string digested = normalised(content);
  SqlContent up;
  if (has_sections(step)) {
    step.no_transaction = says_no_transaction(content, step.sections, true);
    step.down_no_transaction = says_no_transaction(content, step.sections, false);
    up = read_sql(step, section_text(content, step.sections, true), true);
    if (read_sql(step, section_text(content, step.sections, false), false).has_statements) {
      step.down = step.file;
    }
  } else {
    up = read_sql(step, content, true);
    read_way_back(step);
  }
  for (const std::filesystem::path& path : up.inclusions) {
    digested += fmt::format("\n{}", to_hex(sha256(normalised(read_file(path)))));
  }
  step.checksum = to_hex(sha256(digested));
}

void read_other_step(Step& step) {
  const std::string content = read_file(step.file);
  step.checksum = to_hex(sha256(normalised(content)));
  read_way_back(step);
  if (step.kind != StepKind::script) return;
  int line = 0;
  for (std::size_t at = 0; at < std::min(content.size(), kScriptHead);) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    ++line;
    std::string_view text = trim(std::string_view(content).substr(at, end - at));
    at = end + 1;
    const std::size_t word = text.find_first_not_of("#-/; ");
    if (word == 0 || word == std::string_view::npos) continue;
    const std::string_view directive = directive_in(text.substr(word));
    if (!directive.empty()) apply_directive(step, directive, {step.file.string(), line, 1});
  }
}

}  // namespace pgcycle::migrate
