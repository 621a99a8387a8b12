#include "pgcycle/load/row_source.hpp"

namespace pgcycle::load {

RowSource RowSource::streamed(std::filesystem::path file, const catalog::Schema& schema,
                              const catalog::Table& table, fixture::ColumnDrift drift) {
  RowSource source;
  source.file_ = std::move(file);
  source.drift_ = std::move(drift);
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

std::uintmax_t RowSource::bytes() const {
  std::error_code missing;  // which is told when it is opened
  const std::uintmax_t size = rows_ == nullptr ? std::filesystem::file_size(file_, missing) : 0;
  return missing ? 0 : size;
}

std::vector<std::size_t> RowSource::columns() const {
  std::vector<std::size_t> out;
  const std::size_t count = table_->stored_columns().size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= drift_.missing.size() || !drift_.missing[i]) out.push_back(i);
  }
  return out;
}

void RowSource::for_each(const std::function<bool(const fixture::Row&)>& use) const {
  Cursor cursor(*this);
  while (const fixture::Row* row = cursor.next()) {
    if (!use(*row)) return;
  }
}

RowSource::Cursor::Cursor(const RowSource& source) : source_(source) {
  if (source.rows_ == nullptr) {
    reader_.emplace(source.file_, *source.schema_, *source.table_, source.drift_);
  }
}

const fixture::Row* RowSource::Cursor::next() {
  if (reader_) return reader_->next(row_) ? &row_ : nullptr;
  return at_ < source_.rows_->size() ? &(*source_.rows_)[at_++] : nullptr;
}

}  // namespace pgcycle::load
