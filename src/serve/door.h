// The whole way of a request, without what the routes do: guard, path, route, scope, handler; and
// of its answer: an entity tag, for what the client may have already.
#pragma once

#include <functional>
#include <string>

#include "serve/guard.h"
#include "serve/router.h"

namespace busker::serve {

// Told what is for Busker's own log, a line each. Any thread.
using Say = std::function<void(const std::string&)>;

Response AnswerAtDoor(Guard& guard, const Router& router, const Say& say, const Request& request,
                      Instant now);

// Whether an If-None-Match header names the tag (RFC 9110, 13.1.2: a weak one is as good).
bool NamesTag(std::string_view if_none_match, std::string_view tag);

}  // namespace busker::serve
