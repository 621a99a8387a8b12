// Rules held against the constraints that only the server can judge: CHECK constraints, domains,
// enumerations and types. A few rows of each table are masked and handed to the server to cast
// and to check; of the originals, only what is not masked is handed back.
//
// Errors: Error{config} that names the constraint.
#pragma once

#include <vector>

#include "pgcycle/anonymize/plan.hpp"

namespace pgcycle::anonymize {

// Inside the transaction that `connection` is in; nothing is written.
void prove_rules(postgres::Connection& connection, const std::vector<const catalog::Table*>& tables,
                 const AnonymizationPlan& plan);

}  // namespace pgcycle::anonymize
