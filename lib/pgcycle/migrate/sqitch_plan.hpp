// A sqitch project, read as versions of one step each, in the order of its plan. Internal to this
// folder.
//
// A change that was reworked stands in the plan more than once; the earlier ones are named after
// the tag that follows them, as sqitch names their files.
//
// Source: sqitch's documentation (sqitchchanges, sqitch-rework).
#pragma once

#include <filesystem>
#include <vector>

#include "pgcycle/migrate/plan.hpp"

namespace pgcycle::migrate {

constexpr const char* kSqitchPlan = "sqitch.plan";

// `directory` holds sqitch.plan, deploy/ and, if any, revert/. Throws Error{input} with the plan's
// line for a change without its file, and for what cannot be read.
std::vector<Version> read_sqitch_plan(const std::filesystem::path& directory);

}  // namespace pgcycle::migrate
