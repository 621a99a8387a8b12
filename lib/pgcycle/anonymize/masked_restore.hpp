// Restoring a dump whose rows are masked on their way: between pg_restore and the server, so that
// no original reaches the server's files, its log or any file at all.
//
// First the dump's schema alone is made in a transaction that is rolled back; out of its
// catalogue come the plan and every error of the rules. Then the dump goes through psql as one
// stream in which each row of COPY is masked. Large objects come out empty. What psql gets is
// held against the originals as fixtures are (leak_proof.hpp).
//
// Errors: Error{input} for a dump of INSERT statements, which cannot be masked; Error{check} for
// columns without a rule and for leaks; Error{step} from the restore. The database is then the
// caller's to drop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgcycle/anonymize/leak_proof.hpp"
#include "pgcycle/anonymize/plan.hpp"
#include "pgcycle/dump/reset.hpp"

namespace pgcycle::anonymize {

struct MaskingSettings {
  RuleSet rules;
  PseudonymKey key;
  bool leak_proof = true;
  std::vector<std::string> nobodys_words = {};
  std::shared_ptr<LeakReport> report = {};  // takes what the leak proof found
};

// For ResetRequest. Its key depends on the rules and the pseudonym key, and tells nothing of it.
dump::RowMasking row_masking(const MaskingSettings& settings);

}  // namespace pgcycle::anonymize
