// The one exception family of pgcycle.
//
// Every failure that a user can meet is an `Error`: a code out of one table
// (name, exit status, default hint), a lowercase message, and where known the
// place in a file, the detail, a hint that says what to do next, and the
// SQLSTATE. The library throws; only the programs print and exit.
//
// Thread rule: values, free to copy between threads.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace pgcycle {

enum class ErrorCode {
  usage,        // a wrong option or argument
  config,       // pgcycle.json or an environment variable
  input,        // a file that was given: dump, fixture, golden record, migration
  unsupported,  // asked for something that this version does not do
  internal,     // a fault of pgcycle or of the machine
  connect,      // no connection to a server
  statement,    // the server refused a statement
  step,         // a script, restore or other step failed
  check,        // drift, verification, leak, lint, freeze
  guard,        // refused: not proven to be a test database
  interrupted,  // SIGINT or SIGTERM
};

// One row of the error table.
struct ErrorKind {
  ErrorCode code;
  std::string_view name;
  int exit_status;
  std::string_view default_hint;  // empty where only the throw site can know
};

const ErrorKind& kind_of(ErrorCode code);

// A place in a file. `line` and `column` count from 1; 0 means not known.
struct Location {
  std::string file;
  int line = 0;
  int column = 0;

  bool operator==(const Location&) const = default;
};

std::string to_string(const Location& location);

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message);

  // Fluent setters, so that a throw reads as one expression.
  Error& at(Location location);
  Error& at(std::string file, int line = 0, int column = 0);
  Error& detail(std::string text);
  Error& hint(std::string text);
  Error& sqlstate(std::string text);
  Error& constraint(std::string name);

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorCode code() const { return code_; }
  int exit_status() const { return kind_of(code_).exit_status; }
  const std::string& message() const { return message_; }
  const Location& location() const { return location_; }
  const std::string& detail() const { return detail_; }
  // The hint given at the throw site, else the default of the error's kind.
  std::string hint() const;
  const std::string& sqlstate() const { return sqlstate_; }
  const std::string& constraint() const { return constraint_; }
  // Further errors found in the same pass, in the order of their places.
  const std::vector<Error>& also() const { return also_; }
  // The same error, and those beside it, with another exit status.
  Error with_code(ErrorCode code) const;

 private:
  friend class ErrorList;
  ErrorCode code_;
  std::string message_;
  Location location_;
  std::string detail_;
  std::string hint_;
  std::string sqlstate_;
  std::string constraint_;
  std::vector<Error> also_;
};

// Collects errors so that a user sees all of them at once.
class ErrorList {
 public:
  void add(Error error) { errors_.push_back(std::move(error)); }
  bool empty() const { return errors_.empty(); }
  std::size_t size() const { return errors_.size(); }
  // Throws one Error that carries all the others; does nothing when empty.
  void raise_if_any() const;

 private:
  std::vector<Error> errors_;
};

// "PROGRAM: error: message", then at/detail/hint/sqlstate lines, newline-ended.
std::string format_error(std::string_view program, const Error& error);

// The candidate closest to `name` by edit distance, or empty when none is near.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

// The hint for a name that is not known: the nearest one, or `otherwise`.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates,
                         std::string otherwise);

}  // namespace pgcycle
