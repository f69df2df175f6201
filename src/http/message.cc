#include "http/message.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace busker::http {
namespace {

constexpr std::size_t kTargetBytesMax = 2048;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~:").find(c) != std::string_view::npos;
}

bool IsPlainPart(std::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), IsPlain);
}

// "a%20b+c" is "a b c"; nullopt for what is not well-formed, and for control characters.
std::optional<std::string> Decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%') {
      unsigned byte = 0;
      if (i + 2 >= text.size()) return std::nullopt;
      const char* const end = text.data() + i + 3;
      const auto [at, fault] = std::from_chars(text.data() + i + 1, end, byte, 16);
      if (fault != std::errc() || at != end) return std::nullopt;
      c = static_cast<char>(byte);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
    decoded += c;
  }
  if (!IsUtf8(decoded)) return std::nullopt;
  return decoded;
}

}  // namespace

std::string_view NameOf(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kDelete:
      return "DELETE";
    case Method::kOther:
      return "";
  }
  return "";
}

std::string_view Request::Header(std::string_view lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::string> Request::Cookie(std::string_view name) const {
  std::string_view cookies = Header("cookie");
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find("; "), cookies.size());
    const std::string_view cookie = cookies.substr(0, end);
    if (cookie.starts_with(name) && cookie.substr(name.size()).starts_with('=')) {
      return std::string(cookie.substr(name.size() + 1));
    }
    cookies.remove_prefix(std::min(end + 2, cookies.size()));
  }
  return std::nullopt;
}

std::string Target::Query(std::string_view name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

std::optional<Target> ParseTarget(std::string_view text) {
  if (text.empty() || text.front() != '/' || text.size() > kTargetBytesMax) return std::nullopt;
  Target target;
  const std::size_t mark = text.find('?');
  const std::string_view path = text.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  if (!path.empty()) target.path = Split(path, '/');
  if (!std::all_of(target.path.begin(), target.path.end(), IsPlainPart)) return std::nullopt;
  if (mark == std::string_view::npos || mark + 1 == text.size()) return target;
  for (const std::string& pair : Split(text.substr(mark + 1), '&')) {
    const std::size_t equal = pair.find('=');
    const auto name = Decode(std::string_view(pair).substr(0, equal));
    const auto value =
        Decode(equal == std::string::npos ? "" : std::string_view(pair).substr(equal + 1));
    if (!name || name->empty() || !value) {
      target.query_fault =
          "the query cannot be understood; it is NAME=VALUE, joined by &, in UTF-8 and "
          "percent-encoded";
    } else if (!target.query.emplace(*name, *value).second) {
      target.query_fault = fmt::format("the query has \"{}\" twice", *name);
    }
  }
  return target;
}

}  // namespace busker::http
