// Which handler answers what, and what one must be allowed to do for it. No route can be made
// without its scope.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "access/caller.h"
#include "http/field.h"
#include "http/message.h"
#include "http/router.h"

namespace busker::serve {

// One request to a handler.
struct Call {
  const http::Request& request;
  const http::Target& target;
  const access::Caller& caller;
  http::Parameters parameters;  // of the path: "{run}" is "run"

  const std::string& At(std::string_view name) const { return parameters.find(name)->second; }
};

// What a route shows those who are confined. One whose path names a graph, a run or a service is
// theirs when that is; of the others it has to be said.
enum class Reach {
  kAll,  // things of all: it is not for them
  kOwn,  // what is theirs, or what is nobody's
};

struct Route {
  http::Method method;
  std::string pattern;  // "/api/v1/runs/{run}/cancel"
  access::Scope scope;
  std::string summary;  // one sentence, for the OpenAPI document
  std::function<http::Response(const Call&)> handler;
  Reach reach = Reach::kAll;
  http::Fields query = {}, body = {};  // what may be in them
  bool is_page = false;  // of the dashboard: a query says nothing to it, and is no fault
};

class Routes {
 public:
  // Its pattern and method are new; a bug otherwise. What is returned is there until the next.
  Route& Add(Route route) {
    router_.Add(route.method, route.pattern);
    return routes_.emplace_back(std::move(route));
  }

  // As http::Router's; nullptr: none.
  const Route* Find(http::Method method, const std::vector<std::string>& path,
                    http::Parameters* parameters) const {
    const auto number = router_.Find(method, path, parameters);
    return number ? &routes_[*number] : nullptr;
  }
  std::string MethodsOf(const std::vector<std::string>& path) const {
    return router_.MethodsOf(path);
  }

  const std::vector<Route>& all() const { return routes_; }

 private:
  http::Router router_;
  std::vector<Route> routes_;  // by their numbers there
};

}  // namespace busker::serve
