#include "tools/common/json_lines.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "pgcycle/support/interrupt.hpp"

namespace pgcycle::tools {

namespace {

void write_line(const Json& json) {
  const std::string line = json.dump() + "\n";
  std::fputs(line.c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    throw Error(ErrorCode::internal, "cannot write to standard output");
  }
}

// Lines of standard input; nothing at its end or on an interruption.
class Lines {
 public:
  std::optional<std::string> next() {
    for (;;) {
      if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      if (!more()) return std::nullopt;
    }
  }
  // Tells whether a request waits, or comes within a moment.
  bool waits() const {
    constexpr int kMoment = 2;  // milliseconds
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return !buffer_.empty() || poll(&input, 1, kMoment) > 0;
  }

 private:
  bool more() {
    for (;;) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (interrupt_requested()) return false;
      if (poll(&input, 1, 200) <= 0) continue;
      std::array<char, 65536> block{};
      const ssize_t count = read(STDIN_FILENO, block.data(), block.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      buffer_.append(block.data(), static_cast<std::size_t>(count));
      return true;
    }
  }

  std::string buffer_;
};

Json to_json(const Error& error) {
  Json json{{"message", error.message()}};
  if (!error.location().file.empty()) json["at"] = to_string(error.location());
  if (!error.detail().empty()) json["detail"] = error.detail();
  if (!error.hint().empty()) json["hint"] = error.hint();
  if (!error.sqlstate().empty()) json["sqlstate"] = error.sqlstate();
  for (const Error& one : error.also()) json["also"].push_back(to_json(one));
  return json;
}

Json read_request(const std::string& line) {
  Json request = Json::parse(line, nullptr, false);
  if (request.is_object()) return request;
  throw Error(ErrorCode::usage, "the line is not a JSON object")
      .hint("each line is one object with an \"op\"");
}

}  // namespace

void serve_json_lines(const Json& hello, const LineAnswer& answer,
                      const std::function<void()>& settle) {
  write_line(hello);
  Lines lines;
  while (const auto line = lines.next()) {
    if (line->find_first_not_of(" \t\r") == std::string::npos) continue;
    Json reply = Json::object();
    try {
      const Json request = read_request(*line);
      for (const char* member : {"id", "op"}) {
        if (request.contains(member)) reply[member] = request[member];
      }
      answer(request, reply);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted || error.code() == ErrorCode::connect) throw;
      reply["error"] = to_json(error);
    } catch (const Json::exception& error) {
      reply["error"] = Json{{"message", error.what()}};
    }
    write_line(reply);
    if (!lines.waits()) settle();
  }
  throw_if_interrupted();
}

}  // namespace pgcycle::tools
