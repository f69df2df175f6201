#include "http/problem.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/id.h"
#include "base/text.h"

namespace busker::http {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kIdBytes = 6;
constexpr char kRetryAfterSeconds[] = "5";

bool IsOfName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("._-~%+@{}").find(c) != std::string_view::npos;
}

// "/home/..." and "file:///home/...", but neither "churn/training" nor "https://...".
bool BeginsPath(std::string_view text, std::size_t at) {
  if (text[at] != '/' || at + 1 == text.size() || !IsOfName(text[at + 1])) return false;
  if (at == 0) return true;
  const char before = text[at - 1];
  return before == '/' ? at >= 3 && text.substr(at - 3, 3) == "://" : !IsOfName(before);
}

bool IsQuote(char c) { return c == '"' || c == '\'' || c == '`'; }

// Where what follows cannot be of the path any more: the quote or bracket that was open before it,
// or a mark that a sentence has behind it.
std::size_t EndOfSentencePart(std::string_view text, std::size_t at) {
  const char before = at == 0 ? ' ' : text[at - 1];
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    const bool closes = IsQuote(before) ? c == before
                        : before == '(' ? c == ')'
                        : before == '[' ? c == ']'
                                        : false;
    const bool last = i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\t';
    const bool ends = last && std::string_view(":,;").find(c) != std::string_view::npos;
    if (closes || ends || (IsQuote(c) && text[i - 1] == ' ')) return i;
  }
  return text.size();
}

// Behind the last word that has a "/" within it and begins no path of its own.
std::size_t EndOfPath(std::string_view text, std::size_t at) {
  const std::size_t limit = EndOfSentencePart(text, at);
  const bool quoted = limit < text.size() && at > 0 && text[at - 1] == text[limit];
  if (quoted) return limit;
  std::size_t end = std::min(text.find_first_of(" \t", at), limit);
  for (std::size_t i = end; i < limit;) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t", i), limit);
    i = std::min(text.find_first_of(" \t", begin), limit);
    const std::string_view word = text.substr(begin, i - begin);
    if (word.starts_with('/') || word.find("://") != std::string_view::npos) break;
    if (word.find('/') != std::string_view::npos) end = i;
  }
  return end;
}

Response ProblemOf(int status, const std::string& detail, const std::string& id) {
  Response response;
  response.status = status;
  response.type = "application/problem+json";
  ordered_json body = {
      {"type", "about:blank"}, {"title", TitleOf(status)}, {"status", status}, {"detail", detail}};
  if (!id.empty()) body["instance"] = "urn:busker:problem:" + id;
  response.body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  if (status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

Response WithUntold(int status, const std::string& told, const std::string& whole) {
  const std::string id = RandomHex(kIdBytes);
  Response response = ProblemOf(status, told, id);
  response.untold = "problem " + id + ": " + whole;
  return response;
}

}  // namespace

int StatusOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kTimedOut:
      return 504;
    case ErrorKind::kTemporary:
      return 503;
    case ErrorKind::kFailed:
    case ErrorKind::kUnusable:
      return 500;
  }
  return 500;
}

std::string WithoutPaths(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  std::string told;
  for (std::size_t i = 0; i < text.size();) {
    if (!BeginsPath(text, i)) {
      told += text[i++];
      continue;
    }
    const std::size_t end = EndOfPath(text, i);
    std::string_view path = text.substr(i, end - i);
    while (path.ends_with('/')) path.remove_suffix(1);
    told += path.substr(path.rfind('/') + 1);
    i = end;
  }
  return told;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& names) {
  const auto nearest = Nearest(name, names);
  return nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : "";
}

std::string_view TitleOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

Response Problem(int status, const std::string& detail) { return ProblemOf(status, detail, ""); }

Response Problem(const Error& error) {
  const int status = StatusOf(error.kind);
  const std::string told = error.kind == ErrorKind::kUnusable
                               ? "Busker cannot use what it has stored; busker status "
                                 "and busker fsck say more"
                               : WithoutPaths(error.message);
  if (told == error.message) return ProblemOf(status, told, "");
  return WithUntold(status, told, error.message);
}

Response ProblemOfOurs(const std::string& what) {
  return WithUntold(500, "Busker could not answer this; that is a fault of its own", what);
}

}  // namespace busker::http
