// Which graph is meant: what its runs are filed under, whatever version of the definition they ran
// with.
#pragma once

#include <fmt/core.h>

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace busker::plan {

// An action of a service ("churn/training"), or a graph file ("nightly").
struct GraphKey {
  std::string service;  // empty: a graph file
  std::string name;     // of the action, or of the graph file

  GraphKey() = default;
  GraphKey(std::string of, std::string called) : service(std::move(of)), name(std::move(called)) {}
  GraphKey(const char* text) : GraphKey(Parse(text)) {}  // a key that the code spells out

  // Any text is a key: that of an action if it has a '/'.
  static GraphKey Parse(std::string_view text);
  std::string Text() const;
  bool empty() const { return name.empty() && service.empty(); }

  bool operator==(const GraphKey& other) const = default;
  std::strong_ordering operator<=>(const GraphKey& other) const;  // that of their texts
};

std::vector<std::string> TextsOf(const std::vector<GraphKey>& keys);

}  // namespace busker::plan

template <>
struct fmt::formatter<busker::plan::GraphKey> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  auto format(const busker::plan::GraphKey& key, fmt::format_context& context) const {
    return fmt::format_to(context.out(), "{}", key.Text());
  }
};
