// Which handler of the prediction server answers what.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/caller.h"
#include "base/time.h"
#include "http/message.h"
#include "http/router.h"

namespace busker::online {

// One request to a handler.
struct Call {
  const http::Request& request;
  std::string_view body;  // unpacked
  const http::Target& target;
  const access::Caller& caller;
  http::Parameters parameters;  // of the path: "{model}" is "model"
  Instant now;

  const std::string& At(std::string_view name) const { return parameters.find(name)->second; }
  // Who is confined hears of other services as of what is not there.
  bool Sees(std::string_view service) const {
    return access::HoldsService(caller.confines, service);
  }
};

// Who may ask: everybody for health, which says no more than that; else who has a token for
// predictions.
enum class Open { kWithToken, kToAll };

struct Route {
  http::Method method;
  std::string pattern;                                 // "/v1/models/{model}"
  std::function<http::Response(const Call&)> handler;  // any thread; waits for nothing
  Open open = Open::kWithToken;
};

class Routes {
 public:
  // Its pattern and method are new; a bug otherwise.
  void Add(Route route) {
    router_.Add(route.method, route.pattern);
    routes_.push_back(std::move(route));
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

 private:
  http::Router router_;
  std::vector<Route> routes_;  // by their numbers there
};

}  // namespace busker::online
