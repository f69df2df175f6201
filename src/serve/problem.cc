#include "serve/problem.h"

#include <nlohmann/json.hpp>

namespace busker::serve {
namespace {

using nlohmann::ordered_json;

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

}  // namespace

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

Response Problem(int status, const std::string& detail) {
  Response response;
  response.status = status;
  response.type = "application/problem+json";
  const ordered_json body = {
      {"type", "about:blank"}, {"title", TitleOf(status)}, {"status", status}, {"detail", detail}};
  response.body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  return response;
}

Response Problem(const Error& error) {
  const int status = StatusOf(error.kind);
  return Problem(status, status == 500 ? "Busker cannot use what it has stored; busker status and "
                                         "busker fsck say more"
                                       : error.message);
}

}  // namespace busker::serve
