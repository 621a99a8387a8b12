#include "pgcycle/anonymize/masked_restore.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <map>
#include <memory>
#include <optional>

#include "pgcycle/anonymize/leak_proof.hpp"
#include "pgcycle/dump/sql_stream.hpp"
#include "pgcycle/dump/unpack.hpp"
#include "pgcycle/postgres/copy_text.hpp"
#include "pgcycle/server/client_program.hpp"
#include "pgcycle/support/process.hpp"

namespace pgcycle::anonymize {

using catalog::QualifiedName;
using catalog::Schema;
using catalog::Table;
using dump::SqlLine;
using dump::SqlPart;
using dump::SqlText;
using Line = dump::PlainDumpFilter::Line;

namespace {

constexpr std::size_t kBlockBytes = 65536;

// "COPY public.users (id, \"Name\") FROM stdin;"
struct CopyTarget {
  QualifiedName table;
  std::vector<std::string> columns;
};

CopyTarget parse_copy(std::string_view line) {
  line.remove_prefix(std::string_view("COPY ").size());
  CopyTarget target;
  std::string part;  // as written, with its quotes
  bool quoted = false;
  bool in_columns = false;
  const auto end_column = [&] {
    target.columns.push_back(postgres::split_name(part).at(0));
    part.clear();
  };
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (quoted || (c != ' ' && c != '(' && c != ')' && (c != ',' || !in_columns))) {
      part.push_back(c);
      continue;
    }
    if (!in_columns && !part.empty()) {
      const std::vector<std::string> name = postgres::split_name(part);
      target.table = {name.at(0), name.at(1)};
      part.clear();
    }
    if (c == '(') in_columns = true;
    if (in_columns && (c == ',' || c == ')')) end_column();
    if (c == ')') break;
  }
  return target;
}

// The way into a psql that reads SQL from its standard input.
class PsqlStream {
 public:
  explicit PsqlStream(const dump::RestoreRequest& request) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw Error(ErrorCode::internal, "cannot make a pair of sockets");
    }
    own_ = FileDescriptor(ends[0]);
    FileDescriptor theirs(ends[1]);
    const server::ClientProgram psql("psql", request.server_major, server::VersionNeed::preferred,
                                     request.container, request.environment);
    ProcessSpec spec = psql.command(
        request.database,
        {"--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1",
         "--set=VERBOSITY=terse",  // details quote rows, and what is kept is not proven yet
         "--file=-"},
        {{"PGAPPNAME", "pgcycle-reset"}, {"PGOPTIONS", std::string(dump::restore_settings())}});
    result_ = std::async(std::launch::async, [spec, end = std::move(theirs)]() mutable {
      spec.standard_input = end.get();
      ProcessResult result = run_process(spec);
      end.close();
      return result;
    });
  }

  // False when psql has ended, which `finish` explains.
  bool write(std::string_view bytes) {
    block_ += bytes;
    return block_.size() < kBlockBytes || flush();
  }

  ProcessResult finish() {
    flush();
    own_.close();
    return result_.get();
  }

  ~PsqlStream() { own_.close(); }
  PsqlStream(const PsqlStream&) = delete;
  PsqlStream& operator=(const PsqlStream&) = delete;

 private:
  bool flush() {
    std::string_view rest = block_;
    while (!rest.empty()) {
      const ssize_t sent = send(own_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0) break;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    block_.clear();
    return rest.empty();
  }

  FileDescriptor own_;
  std::string block_;
  std::future<ProcessResult> result_;
};

struct StreamEnded {};

class MaskedRestore {
 public:
  MaskedRestore(const dump::RestoreRequest& request, const MaskingSettings& settings)
      : request_(request), settings_(settings) {}

  void run() {
    make_plan_of_schema();
    if (settings_.leak_proof) {
      proof_.emplace(dump::spool_directory(request_.environment), kUnknownRows,
                     settings_.nobodys_words);
    }
    load();
    if (large_objects_ > 0) {
      request_.reporter.warning(
          "what large objects hold is left out: nothing is known of {} pieces of it",
          large_objects_);
    }
    if (foreign_rows_ > 0) {
      request_.reporter.warning("{} rows of tables that belong to extensions are left out",
                                foreign_rows_);
    }
    prove_no_leak();
    if (proof_ && settings_.report) *settings_.report = proof_->report();
  }

 private:
  static constexpr double kUnknownRows = 1e6;

  // The table whose rows come next, and how its columns stand in them.
  struct CopyInProgress {
    const Table* table = nullptr;  // nullptr: the rows are left out
    std::string statement;
    std::vector<const ColumnPlan*> plans;  // by column of COPY
    std::vector<std::size_t> places;       // in the table's stored columns, by column of COPY
    std::unique_ptr<LeakProof::Recorder> recorder;
    std::uint64_t rows = 0;
  };

  void make_plan_of_schema() {
    std::string sql;
    dump::read_as_sql(request_, SqlPart::schema, SqlText::in_utf8, [&](const SqlLine& line) {
      refuse_unknown(line);
      sql.append(line.text).append("\n");
    });
    auto connection =
        postgres::Connection::open(request_.database, {"pgcycle-reset", &request_.reporter, false});
    const postgres::Transaction undone(connection);
    connection.execute(sql);
    if (!connection.in_transaction()) {
      throw Error(ErrorCode::input, "the dump ends transactions, and cannot be tried in one")
          .at(request_.dump.name)
          .hint("dump the database with pg_dump");
    }
    schema_ = catalog::load_schema(connection);
    const auto parents = connection.query(
        "SELECT n.nspname, c.relname, rn.nspname, r.relname FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_class r ON r.oid = pg_partition_root(c.oid) "
        "JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE c.relispartition");
    for (std::size_t i = 0; i < parents.size(); ++i) {
      roots_[{parents.get(i, 0), parents.get(i, 1)}] = {parents.get(i, 2), parents.get(i, 3)};
    }
    std::vector<const Table*> tables;
    for (const Table& table : schema_.tables) tables.push_back(&table);
    plan_ = make_plan(schema_, tables, settings_.rules, settings_.key, IdleRules::left_alone);
    for (const Table* table : tables) {
      for (const catalog::Column* column : table->stored_columns()) {
        if (plan_.column(table->name, column->name).sql.empty()) continue;
        throw Error(ErrorCode::config,
                    fmt::format("the rule of {}.{} is a SQL expression, which needs a database to "
                                "read from",
                                table->name.display(), column->name))
            .hint("give it another generator to mask a dump");
      }
    }
  }

  // Whatever else could hold rows would go by unmasked.
  void refuse_unknown(const SqlLine& line) const {
    if (line.kind == Line::insert_statement) {
      throw Error(ErrorCode::input, "a dump of INSERT statements cannot be masked")
          .at(request_.dump.name)
          .hint("dump without --inserts and --column-inserts, so that rows come by COPY");
    }
    if (line.kind == Line::unknown) {
      throw Error(ErrorCode::input,
                  "the dump holds a statement that pg_dump does not write, and that may hold rows")
          .at(request_.dump.name, line.number)
          .hint("dump the database with pg_dump");
    }
  }

  void load() {
    PsqlStream psql(request_);
    try {
      read([&psql](std::string_view bytes) {
        if (!psql.write(bytes)) throw StreamEnded();
      });
    } catch (const StreamEnded&) {
      // psql says below why.
    }
    const ProcessResult result = psql.finish();
    if (result.ok()) return;
    throw Error(ErrorCode::step, fmt::format("cannot restore {}", request_.dump.name))
        .at(request_.dump.name)
        .detail(result.errors)
        .hint("does a rule break a constraint of the dump?");
  }

  // Hands the masked dump to `out`, or to the recorders alone while leaks are looked for.
  void read(const std::function<void(std::string_view)>& out) {
    CopyInProgress copy;
    std::string masked;
    dump::read_as_sql(request_, SqlPart::all, SqlText::in_utf8, [&](const SqlLine& line) {
      refuse_unknown(line);
      switch (line.kind) {
        case Line::large_object:
          large_objects_ += line.text.starts_with("SELECT pg_catalog.lowrite") ? 1 : 0;
          return;
        case Line::copy_statement:
          copy = begin_copy(line.text);
          if (copy.table != nullptr) out(copy.statement);
          return;
        case Line::copy_row:
          if (copy.table == nullptr) {
            ++foreign_rows_;
            return;
          }
          masked.clear();
          mask_row(copy, line.text, masked);
          masked.push_back('\n');
          return out(masked);
        case Line::copy_end:
          copy.recorder.reset();
          if (copy.table == nullptr) return;
          break;
        default:
          break;
      }
      out(line.text);
      out("\n");
    });
  }

  CopyInProgress begin_copy(std::string_view statement) {
    const CopyTarget target = parse_copy(statement);
    const auto root = roots_.find(target.table);
    CopyInProgress copy;
    copy.table = schema_.find_table(root == roots_.end() ? target.table : root->second);
    if (copy.table == nullptr) return copy;
    // By way of the parent: a masked key may belong to another partition.
    const std::size_t columns = statement.find(" (");
    copy.statement = fmt::format("COPY {}{}\n", copy.table->name.sql(),
                                 statement.substr(std::min(columns, statement.find(" FROM "))));
    const auto stored = copy.table->stored_columns();
    for (const std::string& name : target.columns) {
      const auto column = std::find_if(stored.begin(), stored.end(),
                                       [&name](const auto* each) { return each->name == name; });
      if (column == stored.end()) {
        throw Error(ErrorCode::input, fmt::format("the dump has rows for {}.{}, which its schema "
                                                  "does not have",
                                                  target.table.display(), name))
            .at(request_.dump.name);
      }
      copy.places.push_back(static_cast<std::size_t>(column - stored.begin()));
      copy.plans.push_back(&plan_.column(copy.table->name, name));
    }
    if (proof_) {
      copy.recorder = locates_ ? proof_->locate(schema_, *copy.table, plan_)
                               : proof_->record(schema_, *copy.table, plan_);
    }
    return copy;
  }

  void mask_row(CopyInProgress& copy, std::string_view line, std::string& out) {
    fields_.parse(line);
    if (fields_.size() != copy.plans.size()) {
      throw Error(ErrorCode::input,
                  fmt::format("row {} of {} has {} fields in place of {}", copy.rows + 1,
                              copy.table->name.display(), fields_.size(), copy.plans.size()))
          .at(request_.dump.name);
    }
    values_.assign(copy.table->stored_columns().size(), std::nullopt);
    for (std::size_t i = 0; i < fields_.size(); ++i) values_[copy.places[i]] = fields_[i];
    LeakProof::Recorder* const recorder = copy.recorder.get();
    const MaskRow row{values_, recorder};
    ++copy.rows;
    if (locates_) {
      recorder->begin_row(fmt::format("row {} of the dump", copy.rows));
    }
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (i > 0) out.push_back('\t');
      if (!fields_[i]) {
        postgres::append_copy_null(out);
        continue;
      }
      if (recorder != nullptr) recorder->begin_column(copy.places[i]);
      if (!copy.plans[i]->mask) {
        if (recorder != nullptr && recorder->listens(copy.places[i])) recorder->kept(*fields_[i]);
        out.append(fields_.written(i));
      } else if (value_.clear(); copy.plans[i]->mask.append(value_, *fields_[i], row)) {
        postgres::append_copy_field(out, value_);
      } else {
        postgres::append_copy_null(out);
      }
    }
    if (recorder != nullptr) recorder->end_row();
  }

  void prove_no_leak() {
    if (!proof_ || !proof_->has_suspects()) return;
    locates_ = true;
    read([](std::string_view) {});
    raise_leaks(proof_->report());
  }

  const dump::RestoreRequest& request_;
  const MaskingSettings& settings_;
  Schema schema_;
  std::map<QualifiedName, QualifiedName> roots_;  // of partitions
  AnonymizationPlan plan_;
  std::optional<LeakProof> proof_;
  bool locates_ = false;
  postgres::CopyTextRow fields_;
  std::vector<std::optional<std::string_view>> values_;
  std::string value_;  // a masked one
  std::uint64_t large_objects_ = 0;
  std::uint64_t foreign_rows_ = 0;
};

}  // namespace

dump::RowMasking row_masking(const MaskingSettings& settings) {
  return {
      fmt::format("masked by {} under {}", settings.rules.hash(),
                  short_code(settings.key.digest("cache", settings.rules.hash()), 32)),
      [settings](const dump::RestoreRequest& request) { MaskedRestore(request, settings).run(); }};
}

}  // namespace pgcycle::anonymize
