#include "pgcycle/postgres/statement_traits.hpp"

#include <algorithm>

#include "pgcycle/postgres/identifier.hpp"

namespace pgcycle::postgres {

namespace {

constexpr std::size_t kMostTokens = 60;  // more than stand before anything that counts here

class TraitReader {
 public:
  explicit TraitReader(std::string_view statement) : tokens_(tokens_of(statement, kMostTokens)) {}

  StatementTraits read() {
    if (take("create")) {
      create();
    } else if (take("drop")) {
      drop();
    } else if (take("alter")) {
      alter();
    } else if (take("reindex")) {
      reindex();
    } else if (take("vacuum")) {
      out_.outside_transaction = true;
    } else if (take("cluster")) {
      out_.outside_transaction = at_end() || (is("verbose") && at_ + 1 == tokens_.size());
    } else if (take("set") || take("reset")) {
      out_.changes_session = !is("local") && !is("transaction") && !is("constraints");
    } else if (is("discard")) {
      out_.outside_transaction = tokens_.size() > 1 && tokens_[1].is("all");
      out_.changes_session = true;
    } else {
      out_.control = control();
    }
    return out_;
  }

 private:
  bool at_end() const { return at_ >= tokens_.size(); }
  bool is(std::string_view word) const { return !at_end() && tokens_[at_].is(word); }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    ++at_;
    return true;
  }
  bool contains(std::string_view word) const {
    return std::any_of(tokens_.begin(), tokens_.end(),
                       [word](const SqlToken& token) { return token.is(word); });
  }

  // A name that may be qualified, quoted as SQL; empty where none stands.
  std::string name() {
    std::string sql;
    while (!at_end() && tokens_[at_].is_name()) {
      sql += quote_identifier(tokens_[at_++].text);
      if (!take(".")) break;
      sql += ".";
    }
    return sql;
  }

  void create() {
    take("unique");
    if (take("index")) {
      if (!take("concurrently")) return;
      out_.outside_transaction = true;
      while (!at_end() && !is("on")) ++at_;
      take("on");
      take("only");
      out_.indexed_table = name();
    } else {
      out_.outside_transaction = is("database") || is("tablespace") || is("subscription");
    }
  }

  void drop() {
    out_.may_drop = true;
    if (take("index")) {
      if (!take("concurrently")) return;
      out_.outside_transaction = true;
      if (take("if")) take("exists");
      do {
        out_.dropped_indexes.push_back(name());
      } while (take(","));
    } else {
      out_.outside_transaction = is("database") || is("tablespace") || is("subscription");
    }
  }

  void alter() {
    if (take("system")) {
      out_.outside_transaction = true;
    } else if (take("database")) {
      out_.outside_transaction = contains("tablespace");
    } else if (take("subscription")) {
      out_.outside_transaction = contains("refresh");
    } else if (take("table")) {
      out_.may_drop = true;
      if (take("if")) take("exists");
      take("only");
      const std::string table = name();
      take("*");
      if (!take("detach") || !take("partition")) return;
      const std::string partition = name();
      if (!is("concurrently") && !is("finalize")) return;
      out_.outside_transaction = is("concurrently");
      out_.detached_from = table;
      out_.detached = partition;
    }
  }

  void reindex() {
    bool concurrently = false;
    if (take("(")) {
      while (!at_end() && !take(")")) {
        concurrently = concurrently || is("concurrently");
        ++at_;
      }
    }
    const bool whole = is("schema") || is("database") || is("system");
    if (!at_end()) ++at_;
    concurrently = take("concurrently") || concurrently;
    out_.outside_transaction = whole || concurrently;
    if (concurrently && !whole) out_.reindexed = name();
  }

  TransactionControl control() const {
    if (is("begin")) return TransactionControl::begin;
    if (is("start") && contains("transaction")) return TransactionControl::begin;
    if (is("commit") || is("end")) return TransactionControl::commit;
    if (is("prepare") && tokens_.size() > 1 && tokens_[1].is("transaction")) {
      return TransactionControl::commit;
    }
    if (is("savepoint") || is("release")) return TransactionControl::inner;
    if (is("abort")) return TransactionControl::rollback;
    if (is("rollback")) {
      return contains("to") ? TransactionControl::inner : TransactionControl::rollback;
    }
    return TransactionControl::none;
  }

  std::vector<SqlToken> tokens_;
  std::size_t at_ = 0;
  StatementTraits out_;
};

}  // namespace

StatementTraits traits_of(std::string_view statement) { return TraitReader(statement).read(); }

}  // namespace pgcycle::postgres
