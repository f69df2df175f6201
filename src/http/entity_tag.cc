#include "http/entity_tag.h"

#include <algorithm>

#include "base/text.h"
#include "io/digest.h"

namespace busker::http {
namespace {

constexpr std::size_t kTagDigits = 32;

bool HasTag(const Request& request, const Response& response) {
  const std::string_view type = std::string_view(response.type).substr(0, response.type.find(';'));
  return OnlyLooks(request.method) && response.status == 200 && !response.events &&
         (type == "application/json" || type == "text/html" || type == "text/javascript" ||
          type == "text/css");
}

}  // namespace

void SendOnce(const Request& request, Response& response) {
  if (!HasTag(request, response)) return;
  const std::string tag = "\"" + io::Sha256Of(response.body).substr(0, kTagDigits) + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (!NamesTag(request.Header("if-none-match"), tag)) return;
  response.status = 304;
  response.body.clear();
}

bool NamesTag(std::string_view if_none_match, std::string_view tag) {
  if (Trim(if_none_match) == "*") return true;
  while (!if_none_match.empty()) {  // no tag of ours has a comma
    const std::size_t end = std::min(if_none_match.find(','), if_none_match.size());
    std::string_view named = Trim(if_none_match.substr(0, end));
    if (named.starts_with("W/")) named.remove_prefix(2);
    if (named == tag) return true;
    if_none_match.remove_prefix(std::min(end + 1, if_none_match.size()));
  }
  return false;
}

}  // namespace busker::http
