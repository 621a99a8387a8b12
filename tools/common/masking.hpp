// How a program that masks rows learns to, from pgcycle.json.
#pragma once

#include "pgcycle/anonymize/masked_restore.hpp"
#include "tools/common/program.hpp"

namespace pgcycle::tools {

// Throws Error{config} without a key, or for rules that cannot be read.
anonymize::MaskingSettings masking_settings(const Context& context);

}  // namespace pgcycle::tools
