#include "access/scope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace busker::access {
namespace {

constexpr std::array<std::pair<Scope, std::string_view>, 4> kScopes = {
    {{Scope::kPredict, "predict"},
     {Scope::kViewer, "viewer"},
     {Scope::kOperator, "operator"},
     {Scope::kAdmin, "admin"}}};

}  // namespace

std::string_view NameOf(Scope scope) {
  for (const auto& [each, name] : kScopes) {
    if (each == scope) return name;
  }
  CheckFailed(__FILE__, __LINE__, "scope", "every scope has a name");
}

std::optional<Scope> ParseScope(std::string_view name) {
  for (const auto& [scope, each] : kScopes) {
    if (each == name) return scope;
  }
  return std::nullopt;
}

bool IsWithin(const Confines& confines, std::string_view graph) {
  return confines.empty() || std::any_of(confines.begin(), confines.end(), [&](const auto& each) {
           return graph == each || (graph.starts_with(each) && graph[each.size()] == '/');
         });
}

bool HoldsService(const Confines& confines, std::string_view service) {
  return confines.empty() || std::find(confines.begin(), confines.end(), service) != confines.end();
}

bool Allows(Scope has, Scope needs) {
  if (needs == Scope::kPredict) return has == Scope::kPredict || has >= Scope::kOperator;
  return has != Scope::kPredict && has >= needs;
}

}  // namespace busker::access
