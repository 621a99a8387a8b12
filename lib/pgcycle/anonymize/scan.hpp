// Finding personal data: what columns, their array elements, composite fields and json members
// hold, told by name, type and content; and a rule for each.
//
// Reads a sample of every large table unless told to read all; the leak proof of an extraction is
// what proves. Nothing that is returned holds an original: samples are shapes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pgcycle/anonymize/rules.hpp"
#include "pgcycle/catalog/schema.hpp"

namespace pgcycle::anonymize {

enum class Confidence { low, medium, high };
std::string_view name_of(Confidence confidence);

// One place of a column: the column itself, a field of a composite, a path within json.
struct Finding {
  std::string column;  // schema.table.column
  std::string place;   // "", "street", "$.contacts[*].phone"
  std::string kind;    // "email"; "text" where nothing was found in what could hold anything
  std::string rule;    // the generator
  Confidence confidence = Confidence::low;
  std::vector<std::string> reasons;  // "name", "type", "98 % of 500 values"
  std::string sample;                // letters as x, digits as 9
  bool has_rule = false;             // pgcycle.json has one for it already
};

struct ScanReport {
  std::vector<Finding> findings;
  // For columns without a rule: the column and its rule as JSON.
  std::vector<std::pair<std::string, std::string>> rules;
  std::uint64_t values = 0;  // that were read
};

// What is read of a table that is large: about 20,000 rows from all over it, or every row.
enum class ScanExtent { sample, all_rows };

// Inside the transaction that `connection` is in. Takes the same memory whatever is read.
ScanReport scan(postgres::Connection& connection, const catalog::Schema& schema,
                const std::vector<const catalog::Table*>& tables, const RuleSet& rules,
                ScanExtent extent = ScanExtent::sample);

}  // namespace pgcycle::anonymize
