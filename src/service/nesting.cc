#include "service/nesting.h"

#include <cstddef>
#include <vector>

namespace busker::service {
namespace {

// The offset behind the string that begins with the quote at `at`. A one-line string ends with its
// line at the latest, as it does for a TOML parser, which refuses it there.
std::size_t SkipString(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string_view rest = text.substr(at);
  const bool many_lines = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
  std::size_t i = many_lines ? 3 : 1;
  for (; i < rest.size(); ++i) {
    if (rest[i] == '\\' && quote == '"') {
      ++i;
    } else if (many_lines) {
      if (rest.substr(i, 3) != rest.substr(0, 3)) continue;
      std::size_t end = i + 3;  // one or two quotes more belong to the string
      for (int more = 0; more < 2 && end < rest.size() && rest[end] == quote; ++more) ++end;
      return at + end;
    } else if (rest[i] == quote) {
      return at + i + 1;
    } else if (rest[i] == '\n') {
      return at + i;
    }
  }
  return text.size();
}

}  // namespace

std::optional<Position> FindTooDeep(std::string_view text, int depth_max) {
  // `dots` are those since the last thing that ends a key; a number's dot is counted too, which is
  // harmless: it is one. `open` holds the depth around each open bracket.
  std::vector<int> open;
  int around = 0;
  int dots = 0;
  int line = 1;
  std::size_t line_begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      const std::size_t end = SkipString(text, i);
      for (; i < end; ++i) {
        if (text[i] != '\n') continue;
        ++line;
        line_begin = i + 1;
      }
      continue;
    }
    if (c == '#') {
      while (i < text.size() && text[i] != '\n') ++i;
      continue;
    }
    if (c == '[' || c == '{') {
      open.push_back(around);
      around += dots + 1;
      dots = 0;
    } else if ((c == ']' || c == '}') && !open.empty()) {
      around = open.back();
      open.pop_back();
      dots = 0;
    } else if (c == '.') {
      ++dots;
    } else if (c == ',') {
      dots = 0;
    } else if (c == '\n') {
      if (open.empty()) dots = 0;
      ++line;
      line_begin = i + 1;
    }
    if (around + dots > depth_max) {
      return Position{line, static_cast<int>(i - line_begin) + 1};
    }
    ++i;
  }
  return std::nullopt;
}

}  // namespace busker::service
