#include "service/placeholders.h"

#include <fmt/core.h>

#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "service/fault.h"
#include "service/service.h"

namespace busker::service {
namespace {

const std::vector<std::string>& Known() {
  static const std::vector<std::string> known = {"NAME", "VERSION",   "ACTION", "CONFIG",
                                                 "DATE", "TIMESTAMP", "RUN",    "ROOT"};
  return known;
}

std::string Unknown(const std::string& name, const std::vector<std::string>& known) {
  const auto nearest = Nearest(name, known);
  if (nearest) {
    return fmt::format("unknown placeholder {}, did you mean \"${{{}}}\"?",
                       Quoted("${" + name + "}"), *nearest);
  }
  return fmt::format("unknown placeholder {}; there are {}", Quoted("${" + name + "}"),
                     Join(known, ", "));
}

// The offset of the "}" of the placeholder that begins at `begin`; npos: none before the line's
// end, a quote, or another "$" or "{".
std::size_t EndOfPlaceholder(std::string_view text, std::size_t begin) {
  const auto end = text.find_first_of("}${\"\n", begin + 2);
  if (end == std::string_view::npos || text[end] != '}') return std::string_view::npos;
  return end;
}

// Hands each piece of `text` to one of two functions, in order: literal text, or a placeholder's
// name. The placeholder's function returns false to stop. False when stopped or when a placeholder
// does not end.
bool ForEachPiece(std::string_view text, const std::function<void(std::string_view)>& literal,
                  const std::function<bool(std::string_view)>& placeholder) {
  for (;;) {
    const auto begin = text.find("${");
    literal(text.substr(0, begin));
    if (begin == std::string_view::npos) return true;
    const auto end = EndOfPlaceholder(text, begin);
    if (end == std::string_view::npos) return false;
    if (!placeholder(text.substr(begin + 2, end - begin - 2))) return false;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<std::string> Expand(const std::string& text,
                           const std::map<std::string, std::string>& placeholders) {
  std::string expanded;
  std::optional<std::string> unknown;
  const bool whole = ForEachPiece(
      text, [&](std::string_view literal) { expanded += literal; },
      [&](std::string_view name) {
        const auto found = placeholders.find(std::string(name));
        if (found == placeholders.end()) {
          unknown = std::string(name);
          return false;
        }
        expanded += found->second;
        return true;
      });
  if (unknown) {
    std::vector<std::string> known;
    for (const auto& [name, value] : placeholders) known.push_back(name);
    return Invalid(Unknown(*unknown, known));
  }
  if (!whole) return Invalid("a placeholder is not closed by \"}\" in " + Quoted(text));
  return expanded;
}

Result<std::string> ExpandTable(const std::string& table,
                                std::map<std::string, std::string> placeholders) {
  for (auto& [name, value] : placeholders) value = TableWord(value);
  return Expand(table, placeholders);
}

std::string TableWord(std::string_view text) {
  std::string word(text);
  for (char& c : word) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '_';
  }
  return word;
}

std::optional<std::string> FindPlaceholderFault(const std::string& text, PlaceholderUse use) {
  std::map<std::string, std::string> placeholders;
  for (const auto& name : Known()) placeholders.emplace(name, "");
  if (use == PlaceholderUse::kEnvironment) placeholders.emplace("PATH", "");
  const auto expanded = Expand(text, placeholders);
  if (expanded) return std::nullopt;
  return expanded.error().message;
}

bool Mentions(const std::string& text, const std::string& name) {
  return text.find("${" + name + "}") != std::string::npos;
}

}  // namespace busker::service
