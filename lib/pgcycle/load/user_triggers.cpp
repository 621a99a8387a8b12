#include "pgcycle/load/user_triggers.hpp"

#include <fmt/format.h>

namespace pgcycle::load {

std::vector<std::string> rest_user_triggers(postgres::Connection& connection,
                                            const std::vector<const catalog::Table*>& tables,
                                            FiringTriggers which) {
  std::vector<std::string> undo;
  for (const catalog::Table* table : tables) {
    if (!table->has_user_triggers) continue;
    const auto triggers = connection.query(
        "SELECT tgname, tgenabled FROM pg_trigger "
        "WHERE tgrelid = $1::oid AND NOT tgisinternal AND strpos($2, tgenabled::text) > 0",
        {std::to_string(table->oid), which == FiringTriggers::of_replicas ? "AR" : "ORA"});
    for (std::size_t i = 0; i < triggers.size(); ++i) {
      const std::string name = postgres::quote_identifier(triggers.text(i, 0));
      const std::string_view state = triggers.text(i, 1);
      const char* mode = state == "R" ? "REPLICA " : state == "A" ? "ALWAYS " : "";
      connection.execute(fmt::format("ALTER TABLE {} DISABLE TRIGGER {}", table->name.sql(), name));
      undo.push_back(
          fmt::format("ALTER TABLE {} ENABLE {}TRIGGER {}", table->name.sql(), mode, name));
    }
  }
  return undo;
}

}  // namespace pgcycle::load
