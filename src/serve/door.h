// The whole way of a request, without what the routes do: guard, path, route, scope, handler; and
// of its answer: an entity tag, for what the client may have already.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "plan/graph.h"
#include "serve/guard.h"
#include "serve/route.h"

namespace busker::serve {

// Told what is for Busker's own log, a line each. Any thread.
using Say = std::function<void(const std::string&)>;

struct Door {
  Guard& guard;
  const Routes& routes;
  Say say;
  // Told who came by a link or a token: whether it let them in. May be empty.
  std::function<void(const std::string& peer, bool let_in, Instant now)> note;
  // The graph that a run is of (kNotFound), for those who are confined. May be empty: none is.
  std::function<Result<plan::GraphKey>(const std::string& run)> graph_of;
};

// Any thread.
http::Response AnswerAtDoor(const Door& door, const http::Request& request, Instant now);

}  // namespace busker::serve
