#include "tests/test_server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <random>
#include <stdexcept>

#include "pgcycle/server/embedded_server.hpp"
#include "pgcycle/support/file.hpp"

namespace pgcycle::test {

namespace fs = std::filesystem;

namespace {

// The process's server; the supervisor ends it with its owner, this process.
class TestServer {
 public:
  TestServer() {
    fs::permissions(directory_.path(), fs::perms(0755));
    server::EmbeddedServerSettings settings;
    settings.project = directory_.path();
    settings.server_program = PGCYCLE_SERVER_PROGRAM;
    settings.environment = process_environment();
    settings.idle_timeout_seconds = 0;
    settings.owner = getpid();
    info_ = server::start_embedded_server(settings, silent()).info;
  }
  ~TestServer() { server::stop_embedded_server(directory_.path(), true); }

  const postgres::ConnectionInfo& info() const { return info_; }

 private:
  TestDirectory directory_;
  postgres::ConnectionInfo info_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

const postgres::ConnectionInfo& server_info() {
  static const TestServer server;
  return server.info();
}

TestDatabase::TestDatabase() {
  static std::atomic<int> count{0};
  name_ = fmt::format("test_{}", ++count);
  auto maintenance = postgres::Connection::open(server_info());
  maintenance.execute("CREATE DATABASE " + name_ + " TEMPLATE template0 ENCODING 'UTF8'");
}

TestDatabase::~TestDatabase() {
  try {
    auto maintenance = postgres::Connection::open(server_info());
    maintenance.execute("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
  } catch (const Error& error) {
    std::cerr << format_error("test", error);
  }
}

server::Target TestDatabase::target() const {
  return {info(), server::ServerKind::embedded, "pgcycle-test"};
}

postgres::Connection TestDatabase::connect() const { return postgres::Connection::open(info()); }

void TestDatabase::run(const std::string& sql) const {
  postgres::Connection::open(info(), {"test", nullptr, true}).execute(sql);
}

std::string TestDatabase::value(const std::string& sql) const {
  return postgres::Connection::open(info(), {"test", nullptr, true}).query(sql).get(0, 0);
}

catalog::Schema TestDatabase::schema() const {
  auto connection = connect();
  const postgres::Transaction transaction(connection);
  return catalog::load_schema(connection);
}

TestDirectory::TestDirectory() {
  std::string pattern = "/tmp/pgcycle-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no test directory");
  path_ = pattern;
}

TestDirectory::~TestDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TestDirectory::write(const std::string& name, const std::string& content) const {
  const fs::path file = path_ / name;
  fs::create_directories(file.parent_path());
  write_file_atomically(file, content);
  return file;
}

Reporter& silent() {
  static SilentReporter reporter;
  return reporter;
}

unsigned test_seed() {
  const char* given = std::getenv("PGCYCLE_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()();
  std::cout << "seed: " << seed << " (set PGCYCLE_TEST_SEED to run it again)\n";
  return seed;
}

}  // namespace pgcycle::test
