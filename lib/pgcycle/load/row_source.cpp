#include "pgcycle/load/row_source.hpp"

namespace pgcycle::load {

RowSource RowSource::streamed(std::filesystem::path file, const catalog::Schema& schema,
                              const catalog::Table& table) {
  RowSource source;
  source.file_ = std::move(file);
  source.schema_ = &schema;
  source.table_ = &table;
  return source;
}

RowSource RowSource::held(const std::vector<fixture::Row>& rows, const catalog::Table& table) {
  RowSource source;
  source.rows_ = &rows;
  source.table_ = &table;
  return source;
}

void RowSource::for_each(const std::function<bool(const fixture::Row&)>& use) const {
  Cursor cursor(*this);
  while (const fixture::Row* row = cursor.next()) {
    if (!use(*row)) return;
  }
}

RowSource::Cursor::Cursor(const RowSource& source) : source_(source) {
  if (source.rows_ == nullptr) reader_.emplace(source.file_, *source.schema_, *source.table_);
}

const fixture::Row* RowSource::Cursor::next() {
  if (reader_) return reader_->next(row_) ? &row_ : nullptr;
  return at_ < source_.rows_->size() ? &(*source_.rows_)[at_++] : nullptr;
}

}  // namespace pgcycle::load
