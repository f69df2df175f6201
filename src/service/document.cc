#include "service/document.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <tuple>

#include "base/text.h"
#include "service/nesting.h"

namespace busker::service {
namespace {

Position At(const toml::source_position& position) {
  return {static_cast<int>(position.line), static_cast<int>(position.column)};
}

Node Convert(const toml::node& from);

Node ConvertTable(const toml::table& from) {
  Node node;
  node.kind = Node::Kind::kTable;
  for (const auto& [key, value] : from) {
    node.members.push_back({std::string(key.str()), At(key.source().begin), Convert(value)});
  }
  // The library sorts keys by name; the file's order is the order of a table's columns.
  std::stable_sort(node.members.begin(), node.members.end(), [](const Member& a, const Member& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  return node;
}

// Recursive, but no deeper than kDocumentDepthMax.
Node Convert(const toml::node& from) {
  Node node;
  switch (from.type()) {
    case toml::node_type::table:
      node = ConvertTable(*from.as_table());
      break;
    case toml::node_type::array:
      node.kind = Node::Kind::kArray;
      for (const toml::node& item : *from.as_array()) node.items.push_back(Convert(item));
      break;
    case toml::node_type::string:
      node.kind = Node::Kind::kString;
      node.text = from.as_string()->get();
      break;
    case toml::node_type::integer:
      node.kind = Node::Kind::kInteger;
      node.integer = from.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      node.kind = Node::Kind::kFloat;
      node.number = from.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      node.kind = Node::Kind::kBool;
      node.boolean = from.as_boolean()->get();
      break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
    case toml::node_type::none:
      node.kind = Node::Kind::kTime;
      break;
  }
  node.at = At(from.source().begin);
  return node;
}

// "Error while parsing array: encountered end-of-file" -> "array: encountered end-of-file". A byte
// that is no UTF-8 ends the library's message early; Printable keeps the rest harmless.
std::string Shortened(std::string_view description) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (description.starts_with(kPrefix)) description.remove_prefix(kPrefix.size());
  return Printable(description.substr(0, 300));
}

}  // namespace

const Member* Node::Find(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

std::string Describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kString:
      return "the string " + Quoted(node.text);
    case Node::Kind::kInteger:
      return fmt::format("the integer {}", node.integer);
    case Node::Kind::kFloat:
      return std::isfinite(node.number) ? "a number with a fraction" : "a number out of range";
    case Node::Kind::kBool:
      return node.boolean ? "true" : "false";
    case Node::Kind::kTime:
      return "a date or time";
    case Node::Kind::kArray:
      return "an array";
    case Node::Kind::kTable:
      return node.json ? "an object" : "a table";
    case Node::Kind::kNull:
      return "null";
  }
  return "something else";
}

std::optional<Node> ParseDocument(std::string_view text, Faults& faults) {
  if (text.size() > kDocumentBytesMax) {
    faults.Add({}, "larger than 1 MiB, which no such file is");
    return std::nullopt;
  }
  if (const auto at = FindTooDeep(text, kDocumentDepthMax)) {
    faults.Add(*at, fmt::format("nested deeper than {} levels", kDocumentDepthMax));
    return std::nullopt;
  }
  try {
    return ConvertTable(toml::parse(text));
  } catch (const toml::parse_error& e) {
    faults.Add(At(e.source().begin), "not TOML: " + Shortened(e.description()));
  } catch (const std::exception& e) {
    faults.Add({}, "not TOML: " + Shortened(e.what()));
  }
  return std::nullopt;
}

}  // namespace busker::service
