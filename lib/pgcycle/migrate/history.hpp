// Holding the journal against the files. Internal to this folder.
//
// Policy: an applied file that changed or is gone stops every command; one that changed may be
// accepted by name. A step or version that comes in below applied ones stops `up` unless it is
// told to apply them out of order. Numbers that are missing are no fault.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/migrate/journal.hpp"
#include "pgcycle/migrate/plan.hpp"

namespace pgcycle::migrate {

struct HistoryPolicy {
  bool out_of_order = false;
  bool sql_only = false;                      // scripts are skipped, so that none is late
  std::vector<std::string> accepted_changes;  // step names, or "VERSION STEP"
};

// Throws Error{check}, all at once.
void check_history(const std::vector<Version>& versions, const JournalContents& journal,
                   const HistoryPolicy& policy);

// Tells whether the policy accepts that this step's file changed.
bool is_accepted(const HistoryPolicy& policy, const Version& version, const Step& step);

}  // namespace pgcycle::migrate
