#!/usr/bin/env bash
# A project of somebody else finds the installed library with find_package and links it.
. "$(dirname "$0")/../lib.sh"

mkdir "$work/consumer" && cd "$work/consumer"
cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(consumer CXX)
set(CMAKE_CXX_STANDARD 20)
find_package(pgcycle 0.1 REQUIRED)
add_executable(consumer main.cpp)
target_link_libraries(consumer PRIVATE pgcycle::pgcycle)
CMAKE
cat >main.cpp <<'CPP'
#include <cstdio>

#include "pgcycle/catalog/schema.hpp"
#include "pgcycle/postgres/connection.hpp"

int main(int, char** argv) {
  auto connection =
      pgcycle::postgres::Connection::open(pgcycle::postgres::ConnectionInfo::parse(argv[1]));
  const pgcycle::postgres::Transaction transaction(connection);
  std::printf("%zu tables\n", pgcycle::catalog::load_schema(connection).tables.size());
}
CPP
run 0 cmake -G Ninja -S . -B build -DCMAKE_PREFIX_PATH="$(dirname "$PGCYCLE_BIN")"
run 0 cmake --build build
school
run 0 pgcycle-reset -q
run 0 "$work/consumer/build/consumer" "$(pgcycle-server url)"
same "$(cat "$out")" "25 tables"
