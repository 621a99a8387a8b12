# One place for the language level, warnings, sanitizers and the compiler cache.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(pgcycle_compiler_settings INTERFACE)
target_compile_options(pgcycle_compiler_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<BOOL:${PGCYCLE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms on std::string's operator+ (GCC bug 105651).
  target_compile_options(pgcycle_compiler_settings INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(PGCYCLE_SANITIZE)
  target_compile_options(pgcycle_compiler_settings INTERFACE
    -fsanitize=${PGCYCLE_SANITIZE} -fno-omit-frame-pointer
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # false alarms that instrumentation brings
  target_link_options(pgcycle_compiler_settings INTERFACE -fsanitize=${PGCYCLE_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # What ccache asks for with precompiled headers (its manual, "Precompiled headers"). By what it
  # depends on and not by what the preprocessor makes of it, which is the same where a comment of a
  # header has changed: the precompiled header then no longer knows that header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(pgcycle_compiler_settings INTERFACE -fpch-preprocess)
  endif()
endif()
