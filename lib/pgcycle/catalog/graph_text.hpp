// The foreign-key graph as a drawing: DOT, Mermaid or SVG, with the load order and the cycles.
//
// Thread rule: a pure function. Same schema, same text.
#pragma once

#include <string>
#include <vector>

#include "pgcycle/catalog/schema.hpp"

namespace pgcycle::catalog {

enum class GraphForm { dot, mermaid, svg };

// The graph of `tables` and of the foreign keys between them. Each table has its place in the
// load order; foreign keys of a cycle, and self-references, are marked.
std::string graph_text(const Schema& schema, const std::vector<const Table*>& tables,
                       GraphForm form);

}  // namespace pgcycle::catalog
