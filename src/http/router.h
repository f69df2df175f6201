// Which route answers a request, by its method and the pattern of its path. What a route does, and
// who may have it done, is its owner's to keep, under the route's number. Nothing is answered that
// has no route.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace busker::http {

// What stands in a path where its pattern has "{run}", by "run".
using Parameters = std::map<std::string, std::string, std::less<>>;

class Router {
 public:
  // The number of the new route: 0, 1, 2 and so on. That pattern ("/api/v1/runs/{run}/cancel") with
  // that method is new; a bug otherwise.
  std::size_t Add(Method method, std::string_view pattern);

  // The route of a path; nullopt: none. A HEAD is answered as its GET.
  std::optional<std::size_t> Find(Method method, const std::vector<std::string>& path,
                                  Parameters* parameters) const;
  // The methods by which the path has a route, as an Allow header has them: "GET, HEAD"; empty:
  // none.
  std::string MethodsOf(const std::vector<std::string>& path) const;

 private:
  struct Route {
    Method method;
    std::vector<std::string> pattern;  // cut into its parts
  };
  std::vector<Route> routes_;
};

}  // namespace busker::http
