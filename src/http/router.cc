#include "http/router.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace busker::http {
namespace {

bool IsParameter(const std::string& part) { return part.starts_with('{'); }

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             Parameters* parameters) {
  if (pattern.size() != path.size()) return false;
  Parameters found;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (IsParameter(pattern[i])) {
      found.emplace(pattern[i].substr(1, pattern[i].size() - 2), path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  if (parameters != nullptr) *parameters = std::move(found);
  return true;
}

}  // namespace

std::size_t Router::Add(Method method, std::string_view pattern) {
  std::vector<std::string> parts;
  if (pattern != "/") parts = Split(pattern.substr(1), '/');
  for (const Route& other : routes_) {
    CHECK(other.method != method || other.pattern != parts, "a route is made once");
  }
  routes_.push_back({method, std::move(parts)});
  return routes_.size() - 1;
}

std::optional<std::size_t> Router::Find(Method method, const std::vector<std::string>& path,
                                        Parameters* parameters) const {
  const Method wanted = method == Method::kHead ? Method::kGet : method;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method == wanted && Matches(routes_[i].pattern, path, parameters)) return i;
  }
  return std::nullopt;
}

std::string Router::MethodsOf(const std::vector<std::string>& path) const {
  std::string methods;
  for (const Route& route : routes_) {
    if (!Matches(route.pattern, path, nullptr)) continue;
    if (!methods.empty()) methods += ", ";
    methods += route.method == Method::kGet ? "GET, HEAD" : NameOf(route.method);
  }
  return methods;
}

}  // namespace busker::http
