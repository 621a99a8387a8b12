#include "pgcycle/migrate/freeze.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pgcycle/catalog/inventory.hpp"
#include "pgcycle/support/file.hpp"
#include "pgcycle/support/hash.hpp"
#include "pgcycle/support/wildcard.hpp"

namespace pgcycle::migrate {

namespace {

using catalog::CatalogObject;
using catalog::Inventory;
using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "pgcycle.schema-lock/1";

bool is_chosen(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(),
                     [&name](const std::string& p) { return matches_wildcard(p, name); });
}

Json columns_of(const Inventory& inventory, const std::string& table) {
  Json out = Json::array();
  for (const CatalogObject* column : inventory.columns_of(table)) {
    out.push_back({{"name", column->key.name.substr(table.size() + 1)},
                   {"type", column->property("type")},
                   {"nullable", column->property("not null").empty()}});
  }
  return out;
}

// The frozen part of an object; null for kinds that nobody relies on by shape.
Json shape_of(const Inventory& inventory, const CatalogObject& object) {
  const std::string& kind = object.key.kind;
  if (kind == "table" || kind == "foreign table") {
    return {{"kind", kind}, {"columns", columns_of(inventory, object.key.name)}};
  }
  if (kind == "view" || kind == "materialized view") {
    return {{"kind", kind}, {"columns", catalog::values_of(object.property("columns"))}};
  }
  if (kind == "function" || kind == "procedure" || kind == "aggregate") {
    return {{"kind", kind},
            {"arguments", object.property("arguments")},
            {"result", object.property("result")}};
  }
  if (kind == "composite type") {
    return {{"kind", kind}, {"columns", catalog::values_of(object.property("attributes"))}};
  }
  if (kind == "domain") {
    return {{"kind", kind},
            {"type", object.property("base")},
            {"nullable", object.property("not null").empty()}};
  }
  if (kind == "enum") {
    return {{"kind", kind}, {"values", catalog::values_of(object.property("labels"))}};
  }
  return nullptr;
}

// A hash over the rows in the order that the query gives.
std::string probe_hash(postgres::Connection& connection, const std::string& query) {
  const postgres::Transaction reading(connection, postgres::Transaction::Mode::snapshot);
  const postgres::Result rows = connection.query(query);
  Sha256 hash;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < rows.columns(); ++column) {
      hash.update(rows.is_null(row, column) ? std::string("\x01") : rows.get(row, column));
      hash.update(std::string_view("\x1f", 1));
    }
    hash.update("\x1e");
  }
  return to_hex(hash.finish());
}

Json objects_of(const Inventory& inventory, const std::vector<std::string>& patterns) {
  Json objects = Json::object();
  for (const auto& [key, object] : inventory.objects) {
    if (!is_chosen(patterns, key.name)) continue;
    Json shape = shape_of(inventory, object);
    if (!shape.is_null()) objects[key.name] = std::move(shape);
  }
  return objects;
}

class Check {
 public:
  std::vector<BrokenPromise> take() { return std::move(broken_); }

  void object(const std::string& name, const Json& frozen, const Json& now) {
    name_ = name;
    if (frozen.at("kind") != now.at("kind")) {
      say(fmt::format("is a {}, not a {}", now.at("kind").get<std::string>(),
                      frozen.at("kind").get<std::string>()));
    } else if (frozen.contains("columns")) {
      columns(frozen.at("columns"), now.at("columns"));
    } else if (frozen.contains("values")) {
      values(frozen.at("values"), now.at("values"));
    } else if (frozen.contains("type")) {
      type({}, frozen, now);
    } else if (frozen != now) {
      say(fmt::format("({}) returns {} is now ({}) returns {}", text(frozen, "arguments"),
                      text(frozen, "result"), text(now, "arguments"), text(now, "result")));
    }
  }

  void gone(const std::string& name) {
    name_ = name;
    say("is gone");
  }

  void probe(const std::string& query, std::string what) {
    name_ = query;
    say(std::move(what));
  }

 private:
  static std::string text(const Json& object, const char* key) { return object.at(key); }
  void say(std::string what) { broken_.push_back({name_, std::move(what)}); }

  // Of a column or, without `column`, of a domain.
  void type(const std::string& column, const Json& frozen, const Json& now) {
    if (text(now, "type") != text(frozen, "type")) {
      say(fmt::format("{}was {}, and is {}", column, text(frozen, "type"), text(now, "type")));
    }
    if (now.at("nullable").get<bool>() && !frozen.at("nullable").get<bool>()) {
      say(column + "may be null now");
    }
  }

  // Those of views and composite types are strings, those of tables objects.
  void columns(const Json& frozen, const Json& now) {
    for (std::size_t i = 0; i < frozen.size(); ++i) {
      const std::string name = name_of_column(frozen[i]);
      const auto found = std::find_if(now.begin(), now.end(), [&name](const Json& column) {
        return name_of_column(column) == name;
      });
      if (found == now.end()) {
        say(fmt::format("column {} is gone", name));
        continue;
      }
      if (static_cast<std::size_t>(found - now.begin()) != i) {
        say(fmt::format("column {} was number {}, and is number {}", name, i + 1,
                        found - now.begin() + 1));
      }
      if (frozen[i].is_string()) {
        if (*found != frozen[i]) {
          say(fmt::format("column {} is now {}", frozen[i].get<std::string>(),
                          found->get<std::string>()));
        }
        continue;
      }
      type(fmt::format("column {} ", name), frozen[i], *found);
    }
  }

  static std::string name_of_column(const Json& column) {
    if (!column.is_string()) return column.at("name");
    const std::string all = column;
    bool quoted = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] == '"') quoted = !quoted;  // one within is written twice
      if (all[i] == ' ' && !quoted) return all.substr(0, i);
    }
    return all;
  }

  void values(const Json& frozen, const Json& now) {
    for (const Json& value : frozen) {
      if (std::find(now.begin(), now.end(), value) == now.end()) {
        say(fmt::format("value {} is gone", value.get<std::string>()));
      }
    }
  }

  std::string name_;
  std::vector<BrokenPromise> broken_;
};

}  // namespace

std::size_t freeze(const FreezeRequest& request) {
  const Json objects = objects_of(catalog::load_inventory(request.connection), request.objects);
  Json probes = Json::object();
  for (const std::string& query : request.probes) {
    try {
      probes[query] = probe_hash(request.connection, query);
    } catch (const Error& error) {
      throw Error(error).hint("correct the query in lock.probes: " + query);
    }
  }
  const Json file{{"schema", kSchema}, {"objects", objects}, {"probes", probes}};
  write_file_atomically(request.file, file.dump(2) + "\n");
  return objects.size();
}

std::vector<BrokenPromise> check_freeze(const FreezeRequest& request) {
  Check check;
  try {
    const Json file = Json::parse(read_file(request.file));
    if (file.value("schema", "") != kSchema) {
      throw Error(ErrorCode::input, "this is no schema lock of pgcycle").at(request.file.string());
    }
    const Json now = objects_of(catalog::load_inventory(request.connection), {});
    for (const auto& [name, frozen] : file.at("objects").items()) {
      if (!now.contains(name)) {
        check.gone(name);
      } else {
        check.object(name, frozen, now.at(name));
      }
    }
    for (const auto& [query, hash] : file.at("probes").items()) {
      try {
        const bool same = probe_hash(request.connection, query) == hash.get<std::string>();
        if (!same) check.probe(query, "gives other rows");
      } catch (const Error& error) {
        if (error.code() != ErrorCode::statement) throw;
        check.probe(query, "fails: " + error.message());
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::input, fmt::format("cannot read the schema lock: {}", error.what()))
        .at(request.file.string())
        .hint("write it again with pgcycle-migrate lock");
  }
  return check.take();
}

}  // namespace pgcycle::migrate
