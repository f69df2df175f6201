#include "serve/router.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace busker::serve {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

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

Route& Router::Add(Route route) {
  const auto target = Split(std::string_view(route.pattern).substr(1), '/');
  const bool is_root = route.pattern == "/";
  patterns_.push_back(is_root ? std::vector<std::string>() : target);
  for (const Route& other : routes_) {
    CHECK(other.method != route.method || other.pattern != route.pattern, "a route is made once");
  }
  return routes_.emplace_back(std::move(route));
}

const Route* Router::Find(Method method, const std::vector<std::string>& path,
                          Parameters* parameters) const {
  const Method wanted = method == Method::kHead ? Method::kGet : method;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method == wanted && Matches(patterns_[i], path, parameters)) return &routes_[i];
  }
  return nullptr;
}

std::string Router::MethodsOf(const std::vector<std::string>& path) const {
  std::string methods;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!Matches(patterns_[i], path, nullptr)) continue;
    if (!methods.empty()) methods += ", ";
    methods += routes_[i].method == Method::kGet ? "GET, HEAD" : NameOf(routes_[i].method);
  }
  return methods;
}

}  // namespace busker::serve
