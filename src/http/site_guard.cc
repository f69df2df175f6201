#include "http/site_guard.h"

#include <fmt/core.h>

#include <algorithm>

#include "http/problem.h"

namespace busker::http {

std::string_view SiteGuard::OriginOf(const Request& request) const {
  for (const std::string& origin : origins_) {
    if (std::string_view(origin).substr(origin.find("//") + 2) == request.Header("host")) {
      return origin;
    }
  }
  return {};
}

bool SiteGuard::IsOurs(std::string_view origin) const {
  return std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

std::optional<Response> SiteGuard::Refuse(const Request& request) const {
  if (OriginOf(request).empty()) {
    return Problem(421, "this server goes by another name; see [http] names in daemon.toml");
  }
  for (const char* const once : {"host", "authorization", "cookie", "content-type", "origin",
                                 "content-length", "transfer-encoding"}) {
    if (std::find(request.repeated.begin(), request.repeated.end(), once) !=
        request.repeated.end()) {
      return Problem(400, fmt::format("the header {} may come once only", once));
    }
  }
  const std::string_view origin = request.Header("origin");
  if (!origin.empty() && !IsOurs(origin)) return Problem(403, "no other site may ask");
  // A link on another site may lead here; nothing else of it may.
  const std::string_view from = request.Header("sec-fetch-site");
  const bool is_visit = request.method == Method::kGet &&
                        request.Header("sec-fetch-mode") == "navigate" &&
                        request.Header("sec-fetch-dest") == "document";
  if ((from == "cross-site" || from == "same-site") && !is_visit) {
    return Problem(403, "no other site may ask");
  }
  return std::nullopt;
}

std::optional<Response> SiteGuard::RefuseChange(const Request& request) const {
  std::string_view type = request.Header("content-type");
  type = type.substr(0, type.find(';'));
  if (type != "application/json") {
    return Problem(415, "what changes something comes as Content-Type: application/json");
  }
  const bool by_session = request.Header("authorization").empty();
  const std::string_view from = request.Header("sec-fetch-site");
  if (by_session && request.Header("origin").empty() && from != "same-origin") {
    return Problem(403, "a browser's session changes nothing without the Origin header");
  }
  return std::nullopt;
}

}  // namespace busker::http
