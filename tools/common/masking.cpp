#include "tools/common/masking.hpp"

#include "pgcycle/anonymize/key_file.hpp"

namespace pgcycle::tools {

anonymize::MaskingSettings masking_settings(const Context& context) {
  return {anonymize::RuleSet::from_config(context.config), anonymize::load_key(context.config),
          context.config.text("anonymize.leakProof") != "off",
          context.config.strings("anonymize.words")};
}

}  // namespace pgcycle::tools
