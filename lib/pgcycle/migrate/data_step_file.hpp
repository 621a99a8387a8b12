// Reading the JSON file of a data step, held against the schema. Internal to this folder.
//
// Errors: Error{input} with the place in the file and the nearest name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/support/json_document.hpp"

namespace pgcycle::migrate {

class DataStepFile {
 public:
  DataStepFile(const catalog::Schema& schema, const std::filesystem::path& file);

  const JsonValue& root() const { return root_; }

  // Throws for a member that is not one of these.
  static void only(const JsonValue& object, const std::vector<std::string>& keys);
  // The member, which must be there and of this kind.
  static const JsonValue& get(const JsonValue& object, std::string_view key, JsonValue::Kind kind);
  // The member's text or, where it is left out, `otherwise`.
  static std::string text(const JsonValue& object, std::string_view key,
                          const std::string& otherwise = {});
  static std::uint64_t count(const JsonValue& object, std::string_view key,
                             std::uint64_t otherwise);

  // The table or column that the member names.
  const catalog::Table& table(const JsonValue& object, std::string_view key = "table") const;
  static const catalog::Column& column(const JsonValue& object, std::string_view key,
                                       const catalog::Table& table);

 private:
  const catalog::Schema& schema_;
  JsonValue root_;
};

// The catalogue, read with an empty search_path that holds from here on; and the old path put
// back at the end of the object's life, inside the same transaction.
class QualifiedNamesOnly {
 public:
  explicit QualifiedNamesOnly(postgres::Connection& connection);
  // Call when all went well; after an error the transaction is rolled back anyway.
  void end();

 private:
  postgres::Connection& connection_;
  std::string search_path_;
};

}  // namespace pgcycle::migrate
