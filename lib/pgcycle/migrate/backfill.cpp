#include "pgcycle/migrate/backfill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <tuple>

#include "pgcycle/config/config.hpp"
#include "pgcycle/migrate/data_step_file.hpp"
#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::migrate {

namespace {

using postgres::quote_identifier;
using Kind = JsonValue::Kind;

constexpr std::uint64_t kBatchRows = 5000;

struct BackfillSpec {
  const catalog::Table* table = nullptr;
  std::string set;  // "a = expression, …"
  std::string where;
  std::vector<std::string> key;
  std::uint64_t batch = kBatchRows;
  double pause_seconds = 0;
};

BackfillSpec read_spec(const catalog::Schema& schema, const std::filesystem::path& path) {
  const DataStepFile file(schema, path);
  DataStepFile::only(file.root(), {"table", "set", "where", "batch", "pause"});
  BackfillSpec spec;
  spec.table = &file.table(file.root());
  const JsonValue& set = DataStepFile::get(file.root(), "set", Kind::object);
  for (std::size_t i = 0; i < set.keys.size(); ++i) {
    const catalog::Column& column = spec.table->require_column(set.keys[i], set.key_places[i]);
    if (!set.items[i].is(Kind::string)) {
      throw Error(ErrorCode::input, "a column is set to an SQL expression, as a string")
          .at(set.items[i].place);
    }
    spec.set += fmt::format("{}{} = ({})", spec.set.empty() ? "" : ", ",
                            quote_identifier(column.name), set.items[i].text);
  }
  if (spec.set.empty()) throw Error(ErrorCode::input, "nothing to set").at(set.place);
  spec.key = spec.table->primary_key();
  for (std::size_t i = 0; i < set.keys.size(); ++i) {
    if (std::find(spec.key.begin(), spec.key.end(), set.keys[i]) == spec.key.end()) continue;
    throw Error(ErrorCode::input, fmt::format("\"{}\" is part of the primary key", set.keys[i]))
        .at(set.key_places[i])
        .hint("a backfill goes by the key, which must stay; a rekey step gives new keys");
  }
  spec.where = DataStepFile::text(file.root(), "where", "true");
  spec.batch = std::max<std::uint64_t>(1, DataStepFile::count(file.root(), "batch", kBatchRows));
  if (file.root().find("pause") != nullptr) {
    spec.pause_seconds = parse_duration(DataStepFile::text(file.root(), "pause"));
  }
  if (spec.key.empty()) {
    throw Error(ErrorCode::input,
                fmt::format("{} has no primary key to go by", spec.table->name.display()))
        .at(DataStepFile::get(file.root(), "table", Kind::string).place)
        .hint("a backfill goes through the table in the order of its primary key");
  }
  return spec;
}

// One batch: the rows behind `after` in the key's order; gives the last key and the counts.
std::string batch_sql(const BackfillSpec& spec, bool first) {
  std::string names;
  std::string texts;
  std::string row;
  for (std::size_t i = 0; i < spec.key.size(); ++i) {
    const std::string name = quote_identifier(spec.key[i]);
    const std::string& type = spec.table->find_column(spec.key[i])->type_sql;
    names += (i == 0 ? "" : ", ") + name;
    texts += fmt::format("{}{}::text", i == 0 ? "" : ", ", name);
    row += fmt::format("{}(($1::jsonb) ->> {})::{}", i == 0 ? "" : ", ", i, type);
  }
  const std::string behind =
      first ? std::string("$1::text IS NULL") : fmt::format("({}) > ({})", names, row);
  const std::string table = spec.table->name.sql();
  return fmt::format(
      "WITH batch AS (SELECT {0} FROM {1} WHERE {2} ORDER BY {0} LIMIT {3}), "
      "changed AS (UPDATE {1} SET {4} WHERE ({0}) IN (SELECT {0} FROM batch) AND ({5}) RETURNING "
      "1) "
      "SELECT (SELECT jsonb_build_array({7}) FROM batch ORDER BY {6} LIMIT 1), "
      "(SELECT count(*) FROM batch), (SELECT count(*) FROM changed)",
      names, table, behind, spec.batch, spec.set, spec.where,
      [&spec] {
        std::string order;
        for (const std::string& column : spec.key) {
          order += (order.empty() ? "" : ", ") + quote_identifier(column) + " DESC";
        }
        return order;
      }(),
      texts);
}

}  // namespace

std::uint64_t run_backfill(postgres::Connection& connection, const std::filesystem::path& file,
                           const std::string& after,
                           const std::function<void(const std::string& key)>& note,
                           const std::function<void(const std::function<void()>&)>& run_batch,
                           const std::string& setting, Reporter& reporter) {
  const auto [schema, spec, total] = [&] {
    const postgres::Transaction reading(connection);
    const QualifiedNamesOnly names(connection);
    auto read = std::make_unique<catalog::Schema>(catalog::load_schema(connection));
    BackfillSpec found = read_spec(*read, file);
    const auto estimate = static_cast<std::uint64_t>(std::max(0.0, found.table->estimated_rows));
    return std::tuple(std::move(read), std::move(found), estimate);
  }();
  std::string last = after;
  std::uint64_t rows = 0;
  std::uint64_t passed = 0;
  if (!after.empty()) reporter.notice("the backfill goes on behind key {}", after);
  for (std::int64_t in_batch = 1; in_batch > 0;) {
    throw_if_interrupted();
    std::uint64_t changed = 0;
    run_batch([&, &spec = spec] {
      postgres::Transaction transaction(connection);
      if (!setting.empty()) connection.execute(setting);
      QualifiedNamesOnly names(connection);
      const auto result = connection.query(
          batch_sql(spec, last.empty()),
          {last.empty() ? std::optional<std::string>() : std::optional<std::string>(last)});
      in_batch = result.integer(0, 1);
      changed = static_cast<std::uint64_t>(result.integer(0, 2));
      const std::string key = in_batch > 0 ? result.get(0, 0) : last;
      note(key);
      transaction.commit();
      last = key;
    });
    rows += changed;
    passed += static_cast<std::uint64_t>(in_batch);
    reporter.progress({"backfill", "rows", passed, total});
    if (spec.pause_seconds > 0 && in_batch > 0) {
      std::this_thread::sleep_for(std::chrono::duration<double>(spec.pause_seconds));
    }
  }
  return rows;
}

}  // namespace pgcycle::migrate
