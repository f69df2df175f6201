#include "http/paging.h"

#include <fmt/core.h>

#include <charconv>

namespace busker::http {

std::optional<std::uint64_t> ParseNumber(const std::string& text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, number);
  if (text.empty() || fault != std::errc() || at != end) return std::nullopt;
  return number;
}

Fields WithPage(Fields own) {
  own.push_back({"limit", Field::Kind::kNumber, "how many a page has at most"});
  own.push_back({"cursor", Field::Kind::kText, "\"next\" of the page before"});
  return own;
}

Result<std::uint64_t> LimitIn(const Target& target, std::uint64_t usual, std::uint64_t most) {
  const auto given = target.query.find("limit");
  const std::uint64_t limit =
      given == target.query.end() ? usual : ParseNumber(given->second).value_or(0);
  if (limit < 1 || limit > most) {
    return Invalid(fmt::format("\"limit\" is a number from 1 to {}", most));
  }
  return limit;
}

Result<std::optional<std::int64_t>> NumberCursorIn(const Target& target) {
  const auto given = target.query.find("cursor");
  if (given == target.query.end()) return std::optional<std::int64_t>();
  const auto number = ParseNumber(given->second);
  if (!number || *number > INT64_MAX) return Invalid("that is not a cursor");
  return std::optional(static_cast<std::int64_t>(*number));
}

}  // namespace busker::http
