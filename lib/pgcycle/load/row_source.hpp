// The rows that one table is loaded with: streamed out of its fixture, or held
// in memory where golden records were merged in.
//
// Can be read any number of times: once to load, once more to find the place of
// a row that the server refused.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/fixture/fixture_reader.hpp"

namespace pgcycle::load {

class RowSource {
 public:
  // Rows of a fixture file.
  static RowSource streamed(std::filesystem::path file, const catalog::Schema& schema,
                            const catalog::Table& table, fixture::ColumnDrift drift = {});
  // Rows in memory, which must outlive the source.
  static RowSource held(const std::vector<fixture::Row>& rows, const catalog::Table& table);

  const catalog::Table& table() const { return *table_; }
  // Of what is streamed; not to be asked of rows in memory.
  const catalog::Schema& schema() const { return *schema_; }
  // Of its file; 0 for rows in memory.
  std::uintmax_t bytes() const;
  // The stored columns that the rows have values for, by index; the others are left to the
  // server's defaults.
  std::vector<std::size_t> columns() const;
  // Calls `use` for each row until it returns false.
  void for_each(const std::function<bool(const fixture::Row&)>& use) const;
  // Pulls rows one after another.
  class Cursor {
   public:
    explicit Cursor(const RowSource& source);
    const fixture::Row* next();

   private:
    const RowSource& source_;
    std::optional<fixture::FixtureReader> reader_;
    fixture::Row row_;
    std::size_t at_ = 0;
  };

 private:
  RowSource() = default;
  const catalog::Schema* schema_ = nullptr;
  const catalog::Table* table_ = nullptr;
  std::filesystem::path file_;
  fixture::ColumnDrift drift_;
  const std::vector<fixture::Row>* rows_ = nullptr;
};

}  // namespace pgcycle::load
