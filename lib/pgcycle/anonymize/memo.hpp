// Generators that remember what they made of inputs lately: names, towns and dates come again
// and again.
#pragma once

#include "pgcycle/anonymize/generator.hpp"

namespace pgcycle::anonymize {

// The same generator, faster on inputs that repeat. Only for one that reads the value alone
// and nothing of its row.
Generator remembering(Generator generator);

}  // namespace pgcycle::anonymize
