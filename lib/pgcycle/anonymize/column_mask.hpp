// Building the mask of one column out of its rule and type. Internal to this
// folder.
#pragma once

#include "pgcycle/anonymize/plan.hpp"

namespace pgcycle::anonymize {

// The mask of a plain rule on a value of `type`, elements of arrays included.
// `limits` of a varchar(n) hold for each element.
ColumnMask make_value_mask(const catalog::Schema& schema, catalog::Oid type,
                           const GeneratorSpec& generator, const PseudonymKey& key,
                           const ValueLimits& limits);

// The mask of {"json": {…}}. `column` names the column in errors.
// With `unique`, every path's generator keeps distinct inputs distinct.
struct JsonMask {
  ColumnMask mask;
  IdlePaths idle_paths;
};
JsonMask make_json_mask(const std::vector<JsonPathRule>& paths, const PseudonymKey& key,
                        const std::string& column, bool unique);

// The mask of {"fields": {…}} on a composite type. Throws Error{config} for a
// field that is not there or that has no rule and needs one.
ColumnMask make_fields_mask(const catalog::Schema& schema, const catalog::Type& type,
                            const Rule& rule, const PseudonymKey& key, bool unique);

// Members of json that are named like this belong to the format, not to a person.
bool is_plain_member(std::string_view name);

// Tells whether values of the type are safe without a rule.
bool is_safe_type(const catalog::Schema& schema, catalog::Oid type);

}  // namespace pgcycle::anonymize
