# pgcycle_embed_sql(TARGET NAMESPACE FILE...)
#
# Compiles each .sql file into TARGET as a `const std::string_view` named after
# the file, in NAMESPACE; the header "embedded_sql.hpp" beside them declares all.
function(pgcycle_embed_sql target namespace)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/embedded_sql/${namespace})
  set(header ${directory}/embedded_sql.hpp)
  set(source ${directory}/embedded_sql.cpp)
  set(declarations "")
  set(definitions "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(READ ${file} text)
    get_filename_component(name ${file} NAME_WE)
    string(APPEND declarations "extern const std::string_view ${name};\n")
    string(APPEND definitions "const std::string_view ${name} = R\"embedded(${text})embedded\";\n")
  endforeach()
  string(REPLACE "::" "_" guard ${namespace})
  file(CONFIGURE OUTPUT ${header} @ONLY CONTENT
"// Made from the .sql files by cmake/EmbedSql.cmake.
#pragma once
#include <string_view>
namespace pgcycle::${namespace}::sql {
${declarations}}
")
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
"#include \"embedded_sql.hpp\"
namespace pgcycle::${namespace}::sql {
${definitions}}
")
  target_sources(${target} PRIVATE ${source})
  set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON
    INCLUDE_DIRECTORIES ${directory})
  target_include_directories(${target} PRIVATE
    $<BUILD_INTERFACE:${CMAKE_CURRENT_BINARY_DIR}/embedded_sql>)
endfunction()
