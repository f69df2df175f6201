#include "serve/problem.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "serve/tokens.h"

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kIdDigits = 12;

int StatusOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return 409;
    case ErrorKind::kInvalid:
      return 400;
    case ErrorKind::kNotFound:
      return 404;
    case ErrorKind::kTimedOut:
      return 504;
    case ErrorKind::kTemporary:
      return 503;
    case ErrorKind::kUnusable:
      return 500;
  }
  return 500;
}

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

Response ProblemOf(int status, const std::string& detail, const std::string& id) {
  Response response;
  response.status = status;
  response.type = "application/problem+json";
  ordered_json body = {
      {"type", "about:blank"}, {"title", TitleOf(status)}, {"status", status}, {"detail", detail}};
  if (!id.empty()) body["instance"] = "urn:busker:problem:" + id;
  response.body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  return response;
}

Response WithUntold(int status, const std::string& told, const std::string& whole) {
  const std::string id = MakeSecret().substr(0, kIdDigits);
  Response response = ProblemOf(status, told, id);
  response.untold = "problem " + id + ": " + whole;
  return response;
}

}  // namespace

// A path with blanks in it is cut at the first of them.
std::string WithoutPaths(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  std::string told;
  for (std::size_t i = 0; i < text.size();) {
    if (!BeginsPath(text, i)) {
      told += text[i++];
      continue;
    }
    const std::size_t end = std::min(text.find_first_of(" \"'`)],;\t", i), text.size());
    std::string_view path = text.substr(i, end - i);
    while (path.ends_with('/')) path.remove_suffix(1);
    told += path.substr(path.rfind('/') + 1);
    i = end;
  }
  return told;
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
  const std::string told = status == 500 ? "Busker cannot use what it has stored; busker status "
                                           "and busker fsck say more"
                                         : WithoutPaths(error.message);
  if (told == error.message) return ProblemOf(status, told, "");
  return WithUntold(status, told, error.message);
}

Response ProblemOfOurs(const std::string& what) {
  return WithUntold(500, "Busker could not answer this; that is a fault of its own", what);
}

}  // namespace busker::serve
