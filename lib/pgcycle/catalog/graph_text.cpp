#include "pgcycle/catalog/graph_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "pgcycle/catalog/foreign_key_graph.hpp"

namespace pgcycle::catalog {

namespace {

struct Node {
  const Table* table = nullptr;
  std::size_t place = 0;  // in the load order, from 1
  std::size_t level = 0;  // all that it references is on lower ones, but for cycles
  bool in_cycle = false;
};

struct Link {
  const ForeignKey* key = nullptr;
  std::size_t child = 0;
  std::size_t parent = 0;
  bool in_cycle = false;
};

struct Graph {
  std::vector<Node> nodes;  // in load order
  std::vector<Link> links;
};

Graph make_graph(const Schema& schema, const std::vector<const Table*>& tables) {
  const LoadOrder order = load_order(schema);
  std::set<const ForeignKey*> cycle_keys;
  std::set<QualifiedName> cycle_tables;
  for (const ForeignKeyCycle& cycle : order.cycles) {
    cycle_keys.insert(cycle.foreign_keys.begin(), cycle.foreign_keys.end());
    cycle_tables.insert(cycle.tables.begin(), cycle.tables.end());
  }
  Graph graph;
  std::map<QualifiedName, std::size_t> index;
  for (const Table* table : order.tables) {
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) continue;
    index.emplace(table->name, graph.nodes.size());
    graph.nodes.push_back({table, graph.nodes.size() + 1, 0, cycle_tables.contains(table->name)});
  }
  for (const ForeignKey& key : schema.foreign_keys) {
    const auto child = index.find(key.table);
    const auto parent = index.find(key.referenced_table);
    if (child == index.end() || parent == index.end()) continue;
    graph.links.push_back(
        {&key, child->second, parent->second, key.self_reference() || cycle_keys.contains(&key)});
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const Link& link : graph.links) {
      if (link.child != i || link.parent >= i) continue;
      graph.nodes[i].level = std::max(graph.nodes[i].level, graph.nodes[link.parent].level + 1);
    }
  }
  return graph;
}

std::string label_of(const Node& node) {
  return fmt::format("{}. {}", node.place, node.table->name.display());
}

// With what stands for each of the format's own characters.
std::string escaped(std::string_view text, const std::map<char, std::string_view>& escapes) {
  std::string out;
  for (const char c : text) {
    const auto escape = escapes.find(c);
    if (escape == escapes.end()) {
      out.push_back(c);
    } else {
      out += escape->second;
    }
  }
  return out;
}

std::string dot_string(std::string_view text) {
  return "\"" + escaped(text, {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}}) + "\"";
}

std::string to_dot(const Graph& graph) {
  std::string out = "digraph foreign_keys {\n  rankdir = RL;\n  node [shape = box];\n";
  for (const Node& node : graph.nodes) {
    out += fmt::format("  {} [label = {}{}];\n", dot_string(node.table->name.display()),
                       dot_string(label_of(node)), node.in_cycle ? ", color = red" : "");
  }
  for (const Link& link : graph.links) {
    out += fmt::format("  {} -> {} [label = {}{}];\n",
                       dot_string(graph.nodes[link.child].table->name.display()),
                       dot_string(graph.nodes[link.parent].table->name.display()),
                       dot_string(link.key->name), link.in_cycle ? ", color = red" : "");
  }
  return out + "}\n";
}

std::string mermaid_string(std::string_view text) {
  return "\"" + escaped(text, {{'"', "#quot;"}, {'#', "#35;"}, {'\n', " "}}) + "\"";
}

std::string to_mermaid(const Graph& graph) {
  std::string out = "flowchart RL\n";
  for (const Node& node : graph.nodes) {
    out += fmt::format("  t{}[{}]{}\n", node.place, mermaid_string(label_of(node)),
                       node.in_cycle ? ":::cycle" : "");
  }
  for (const Link& link : graph.links) {
    out += fmt::format("  t{} {}|{}| t{}\n", link.child + 1, link.in_cycle ? "-.->" : "-->",
                       mermaid_string(link.key->name), link.parent + 1);
  }
  return out + "  classDef cycle stroke:#c00\n";
}

std::string xml_text(std::string_view text) {
  return escaped(text, {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}});
}

// Columns of boxes from left to right by level; curves from a table to what it references.
std::string to_svg(const Graph& graph) {
  constexpr std::size_t kGap = 80, kRow = 44, kBox = 28, kLetter = 8, kMargin = 20;
  std::vector<std::size_t> rows;    // of each level
  std::vector<std::size_t> widths;  // of each level
  std::vector<std::size_t> row_of(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    rows.resize(std::max(rows.size(), node.level + 1));
    widths.resize(rows.size());
    row_of[i] = rows[node.level]++;
    widths[node.level] = std::max(widths[node.level], (label_of(node).size() + 2) * kLetter);
  }
  std::vector<std::size_t> left(rows.size() + 1, kMargin);
  std::size_t height = 0;
  for (std::size_t level = 0; level < rows.size(); ++level) {
    left[level + 1] = left[level] + widths[level] + kGap;
    height = std::max(height, rows[level] * kRow);
  }
  const auto x = [&](std::size_t i) { return left[graph.nodes[i].level]; };
  const auto y = [&](std::size_t i) { return kMargin + row_of[i] * kRow; };
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
      "font-family=\"monospace\" font-size=\"13\">\n"
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      left.back() + kMargin, height + 2 * kMargin);
  for (const Link& link : graph.links) {
    const std::size_t right = x(link.parent) + widths[graph.nodes[link.parent].level];
    const std::size_t from = y(link.child) + kBox / 2;
    const std::size_t to = y(link.parent) + kBox / 2 + (link.child == link.parent ? 8 : 0);
    out += fmt::format(
        "<path d=\"M{} {}C{} {} {} {} {} {}\" fill=\"none\" stroke=\"{}\" "
        "marker-end=\"url(#tip)\"><title>{}</title></path>\n",
        x(link.child), from, x(link.child) - kMargin, from, right + kGap / 2, to, right, to,
        link.in_cycle ? "#c00" : "#888", xml_text(link.key->name));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    out += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"#f4f4f8\" "
        "stroke=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>\n",
        x(i), y(i), widths[node.level], kBox, node.in_cycle ? "#c00" : "#444", x(i) + kLetter,
        y(i) + 19, xml_text(label_of(node)));
  }
  return out + "</svg>\n";
}

}  // namespace

std::string graph_text(const Schema& schema, const std::vector<const Table*>& tables,
                       GraphForm form) {
  const Graph graph = make_graph(schema, tables);
  switch (form) {
    case GraphForm::dot:
      return to_dot(graph);
    case GraphForm::mermaid:
      return to_mermaid(graph);
    case GraphForm::svg:
      return to_svg(graph);
  }
  return {};
}

}  // namespace pgcycle::catalog
