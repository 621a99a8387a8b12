// Masking alone, on one core and in memory: the rows of a dump's COPY in, masked rows out. Time
// is that of the processor, so that what else runs on the machine does not count.
//
// Prints "NAME VALUES_PER_SECOND BYTES_PER_SECOND" for each kind of table.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "pgcycle/anonymize/plan.hpp"
#include "pgcycle/postgres/copy_text.hpp"

namespace {

using namespace pgcycle;

struct BenchColumn {
  std::string name;
  std::string generator;  // empty: kept
  std::string (*value)(int row);
};

void measure(const std::string& name, const std::vector<BenchColumn>& columns) {
  constexpr int kRows = 200000;
  const auto key = anonymize::PseudonymKey::from_hex(std::string(64, 'b'));
  std::vector<anonymize::ColumnMask> masks;
  std::vector<std::string> names;
  for (const BenchColumn& column : columns) names.push_back(column.name);
  std::size_t masked_columns = 0;
  for (const BenchColumn& column : columns) {
    if (column.generator.empty()) {
      masks.emplace_back();
      continue;
    }
    ++masked_columns;
    masks.push_back(anonymize::make_mask({column.generator, {}, {}}, key, {.columns = names}));
  }
  std::string dump;
  for (int row = 0; row < kRows; ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) dump.push_back('\t');
      postgres::append_copy_field(dump, columns[i].value(row));
    }
    dump.push_back('\n');
  }
  postgres::CopyTextRow fields;
  std::string value;
  std::string out;
  std::size_t written = 0;
  const std::clock_t start = std::clock();
  postgres::for_each_copy_row(dump, [&](std::string_view line) {
    fields.parse(line);
    for (std::size_t i = 0; i < masks.size(); ++i) {
      if (i > 0) out.push_back('\t');
      if (masks[i]) {
        value.clear();
        if (!masks[i].append(value, *fields[i], {fields.values(), nullptr})) std::abort();
        postgres::append_copy_field(out, value);
      } else {
        out.append(fields.written(i));
      }
    }
    out.push_back('\n');
    constexpr std::size_t kBlock = 65536;
    if (out.size() < kBlock) return;
    written += out.size();
    out.clear();
  });
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  if (written == 0) std::abort();
  fmt::print("{} {:.0f} {:.0f}\n", name, kRows * static_cast<double>(masked_columns) / seconds,
             static_cast<double>(dump.size()) / seconds);
}

std::string valid_iban(int row) {
  const std::string account = fmt::format("{:021}", row);
  int remainder = 0;
  for (const char c : account + "252900") remainder = (remainder * 10 + (c - '0')) % 97;
  return fmt::format("PT{:02}{}", 98 - remainder, account);
}

std::string number(int row) { return std::to_string(row); }

}  // namespace

int main(int argc, char** argv) {
  const std::string only = argc > 1 ? argv[1] : "";  // one kind, for a profiler
  const std::vector<BenchColumn> people{
      {"first_name", "first_name", [](int i) { return fmt::format("First{}", i % 1000); }},
      {"last_name", "last_name", [](int i) { return fmt::format("Last{}", i % 5000); }},
      {"email", "email",
       [](int i) { return fmt::format("first{}.last{}@gmail.com", i % 1000, i); }},
      {"phone", "phone", [](int i) { return fmt::format("+44 20 {:08}", i); }},
      {"street", "street_address", [](int i) { return fmt::format("{} Long Lane", i % 900); }},
      {"city", "city", [](int i) { return fmt::format("City {}", i % 300); }},
      {"postcode", "postcode", [](int i) { return fmt::format("SW{} {}AA", i % 20, i % 9); }},
      {"birth", "date_shift",
       [](int i) {
         return fmt::format("19{:02}-{:02}-{:02}", i % 80 + 10, i % 12 + 1, i % 28 + 1);
       }},
      {"iban", "iban", valid_iban},
      {"ip", "ip",
       [](int i) { return fmt::format("84.{}.{}.{}", 17 + i / 65536, i / 256 % 256, i % 256); }}};
  if (only.empty() || only == "people") measure("people", people);
  for (const BenchColumn& column : people) {
    if (only.empty() || only == column.generator) measure(column.generator, {column});
  }
  if (!only.empty()) return 0;
  // An orders table: two columns of ten are of a person, and there is text to carry along.
  measure("orders",
          {{"id", "", number},
           {"email", "email", people[2].value},
           {"phone", "phone", people[3].value},
           {"state", "", [](int i) { return std::string(i % 2 == 0 ? "paid" : "sent"); }},
           {"total", "", number},
           {"created", "", [](int) { return std::string("2024-03-04 10:11:12.123456+00"); }},
           {"updated", "", [](int) { return std::string("2024-03-04 10:11:12.123456+00"); }},
           {"sku", "", [](int i) { return fmt::format("SKU-{:08}", i); }},
           {"uuid", "", [](int i) { return fmt::format("3f2504e0-4f89-41d3-9a0c-{:012x}", i); }},
           {"description", "", [](int) { return std::string(300, 'd'); }}});
}
