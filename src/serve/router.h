// Which handler answers what, and what one must be allowed to do for it. Nothing is answered that
// has no route, and no route can be made without its scope.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/field.h"
#include "serve/message.h"
#include "serve/scope.h"

namespace busker::serve {

// Who asks.
struct Caller {
  std::string name;  // of the token, for the record
  Scope scope = Scope::kViewer;
  Confines confines = {};

  bool Sees(const std::string& graph) const { return IsWithin(confines, graph); }
};

// One request to a handler.
struct Call {
  const Request& request;
  const Target& target;
  const Caller& caller;
  std::map<std::string, std::string, std::less<>> parameters;  // of the path: "{run}" is "run"

  const std::string& At(std::string_view name) const { return parameters.find(name)->second; }
};

// What a route shows those who are confined. One whose path names a graph, a run or a service is
// theirs when that is; of the others it has to be said.
enum class Reach {
  kAll,  // things of all: it is not for them
  kOwn,  // what is theirs, or what is nobody's
};

struct Route {
  Method method;
  std::string pattern;  // "/api/v1/runs/{run}/cancel"
  Scope scope;
  std::string summary;  // one sentence, for the OpenAPI document
  std::function<Response(const Call&)> handler;
  Reach reach = Reach::kAll;
  Fields query = {}, body = {};  // what may be in them
  bool is_page = false;          // of the dashboard: a query says nothing to it, and is no fault
};

class Router {
 public:
  // Its pattern and method are new; a bug otherwise. What is returned is there until the next.
  Route& Add(Route route);

  // The route of a path; nullptr: none. `parameters` are those of the path. A HEAD is answered as
  // its GET.
  const Route* Find(Method method, const std::vector<std::string>& path,
                    std::map<std::string, std::string, std::less<>>* parameters) const;
  // The methods by which the path has a route, as an Allow header has them: "GET, HEAD"; empty:
  // none.
  std::string MethodsOf(const std::vector<std::string>& path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  std::vector<std::vector<std::string>> patterns_;  // of each, cut into its parts
};

}  // namespace busker::serve
