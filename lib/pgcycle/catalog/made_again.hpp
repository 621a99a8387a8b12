// What a migration drops and makes again. Internal to this folder.
//
// Thread rule: free functions, thread-safe.
#pragma once

#include <set>

#include "pgcycle/catalog/change_set.hpp"

namespace pgcycle::catalog {

// Objects without data that change in a way that no ALTER can make, or that stand over what does;
// and those that are gone. All are of the old inventory.
std::set<ObjectKey> made_again(const ChangeSet& changes);

}  // namespace pgcycle::catalog
