#include "serve/paging.h"

#include <fmt/core.h>

#include <charconv>

namespace busker::serve {

std::optional<std::uint64_t> ParseNumber(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, number);
  if (text.empty() || fault != std::errc() || at != end) return std::nullopt;
  return number;
}

Result<std::uint64_t> LimitIn(const Target& target, std::uint64_t usual, std::uint64_t most) {
  const std::string text = target.Query("limit");
  const std::uint64_t limit = text.empty() ? usual : ParseNumber(text).value_or(0);
  if (limit < 1 || limit > most) {
    return Invalid(fmt::format("\"limit\" is a number from 1 to {}", most));
  }
  return limit;
}

Result<std::optional<std::int64_t>> NumberCursorIn(const Target& target) {
  const std::string text = target.Query("cursor");
  if (text.empty()) return std::optional<std::int64_t>();
  const auto number = ParseNumber(text);
  if (!number || *number > INT64_MAX) return Invalid("that is no cursor");
  return std::optional(static_cast<std::int64_t>(*number));
}

}  // namespace busker::serve
