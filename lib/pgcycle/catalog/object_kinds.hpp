// Kinds of objects, and in which order they are made. Internal to this folder.
//
// Thread rule: free functions, thread-safe.
#pragma once

#include <string>

#include "pgcycle/catalog/inventory.hpp"

namespace pgcycle::catalog {

bool is_type(const std::string& kind);
bool is_routine(const std::string& kind);
bool is_relation(const std::string& kind);
// Objects whose definition is the statements that make them: operators, casts, collations, …
bool is_made_by_statements(const std::string& kind);
// Kinds that hold no data: dropped and made again where something under them changes.
bool can_be_made_again(const std::string& kind);
// What tables may need goes behind them; what would act upon new ones, before.
bool goes_behind_tables(const std::string& kind);
// Its place in the order of making; that of a kind which nothing is known of is `kUnknownRank`.
int rank_of(const std::string& kind);
extern const int kUnknownRank;

// It comes and goes with another object: an identity's sequence, a partition's constraint.
bool is_managed(const CatalogObject& object);

}  // namespace pgcycle::catalog
