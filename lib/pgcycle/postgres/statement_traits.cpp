#include "pgcycle/postgres/statement_traits.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "pgcycle/postgres/token_cursor.hpp"

namespace pgcycle::postgres {

namespace {

constexpr std::array kTemporary{"temp", "temporary", "local", "global"};
constexpr std::size_t kMostTokens = 60;  // more than stand before anything that counts here

class TraitReader {
 public:
  explicit TraitReader(std::string_view statement) : words_(statement, kMostTokens) {
    out_.keeps_session = !mentions_set_config(statement) && keeps_session();
  }

  StatementTraits read() {
    if (words_.take("create")) {
      create();
    } else if (words_.take("drop")) {
      drop();
    } else if (words_.take("alter")) {
      alter();
    } else if (words_.take("reindex")) {
      reindex();
    } else if (words_.take("vacuum")) {
      out_.outside_transaction = true;
    } else if (words_.take("cluster")) {
      out_.outside_transaction = words_.at_end() || (words_.is("verbose") && words_.is_last());
    } else if (words_.take("set") || words_.take("reset")) {
      out_.changes_session =
          !words_.is("local") && !words_.is("transaction") && !words_.is("constraints");
    } else if (words_.is("discard")) {
      out_.outside_transaction = words_.is("all", 1);
      out_.changes_session = true;
    } else {
      out_.control = control();
    }
    return out_;
  }

 private:
  static bool mentions_set_config(std::string_view statement) {
    constexpr std::string_view kFunction = "set_config";
    constexpr std::size_t kBar = 3;  // where its underscore stands
    for (std::size_t at = statement.find('_', kBar); at != std::string_view::npos;
         at = statement.find('_', at + 1)) {
      const std::string_view here = statement.substr(at - kBar, kFunction.size());
      if (std::ranges::equal(here, kFunction, {},
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); })) {
        return true;
      }
    }
    return false;
  }

  bool keeps_session() {
    if (words_.at_end()) return true;
    for (const char* word : {"alter", "comment", "copy", "drop", "grant", "insert", "revoke"}) {
      if (words_.is(word)) return true;
    }
    if (!words_.is("create")) return false;
    return std::ranges::none_of(kTemporary,
                                [this](const char* word) { return words_.is(word, 1); });
  }

  void create() {
    words_.take("unique");
    if (words_.take("index")) {
      if (!words_.take("concurrently")) return;
      out_.outside_transaction = true;
      if (words_.take("if")) {
        words_.take("not");
        words_.take("exists");
      }
      if (!words_.is("on")) out_.created_index = words_.take_name();
      words_.take("on");
      words_.take("only");
      out_.indexed_table = words_.take_name();
    } else {
      out_.outside_transaction =
          words_.is("database") || words_.is("tablespace") || words_.is("subscription");
    }
  }

  void drop() {
    out_.may_drop = true;
    if (words_.take("index")) {
      if (!words_.take("concurrently")) return;
      out_.outside_transaction = true;
      words_.take_if_exists();
      do {
        out_.dropped_indexes.push_back(words_.take_name());
      } while (words_.take(","));
    } else {
      out_.outside_transaction =
          words_.is("database") || words_.is("tablespace") || words_.is("subscription");
    }
  }

  void alter() {
    if (words_.take("system")) {
      out_.outside_transaction = true;
    } else if (words_.take("database")) {
      out_.outside_transaction = words_.contains("tablespace");
    } else if (words_.take("subscription")) {
      out_.outside_transaction = words_.contains("refresh");
    } else if (words_.take("table")) {
      out_.may_drop = true;
      words_.take_if_exists();
      words_.take("only");
      const std::string table = words_.take_name();
      words_.take("*");
      if (!words_.take("detach") || !words_.take("partition")) return;
      const std::string partition = words_.take_name();
      if (!words_.is("concurrently") && !words_.is("finalize")) return;
      out_.outside_transaction = words_.is("concurrently");
      out_.detached_from = table;
      out_.detached = partition;
    }
  }

  void reindex() {
    bool concurrently = false;
    if (words_.take("(")) {
      while (!words_.at_end() && !words_.take(")")) {
        concurrently = concurrently || words_.is("concurrently");
        words_.advance();
      }
    }
    std::string kind;
    for (const char* word : {"index", "table", "schema", "database", "system"}) {
      if (!words_.take(word)) continue;
      kind = word;
      break;
    }
    concurrently = words_.take("concurrently") || concurrently;
    out_.outside_transaction =
        concurrently || kind == "schema" || kind == "database" || kind == "system";
    if (!concurrently) return;
    out_.reindexed_kind = kind;
    out_.reindexed = words_.take_name();
  }

  TransactionControl control() {
    if (words_.is("begin")) return TransactionControl::begin;
    if (words_.is("start") && words_.contains("transaction")) return TransactionControl::begin;
    if (words_.is("commit") || words_.is("end")) return TransactionControl::commit;
    if (words_.is("prepare") && words_.is("transaction", 1)) {
      return TransactionControl::commit;
    }
    if (words_.is("savepoint") || words_.is("release")) return TransactionControl::inner;
    if (words_.is("abort")) return TransactionControl::rollback;
    if (words_.is("rollback")) {
      return words_.contains("to") ? TransactionControl::inner : TransactionControl::rollback;
    }
    return TransactionControl::none;
  }

  TokenCursor words_;
  StatementTraits out_;
};

}  // namespace

StatementTraits traits_of(std::string_view statement) { return TraitReader(statement).read(); }

}  // namespace pgcycle::postgres
