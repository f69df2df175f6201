// What the bearer of a token may do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace busker::access {

enum class Scope {
  kPredict,   // ask for predictions, and nothing else
  kViewer,    // look at everything
  kOperator,  // and start, cancel, retry, pause, promote
  kAdmin,     // and make and revoke tokens
};

std::string_view NameOf(Scope scope);  // "predict", "viewer", "operator", "admin"
std::optional<Scope> ParseScope(std::string_view name);

// Whether who has `has` may do what needs `needs`. A token for predictions is for nothing else; the
// others include each other, and an operator may ask for predictions.
bool Allows(Scope has, Scope needs);

// What the bearer of a token is confined to: services ("churn"), actions ("churn/training") and
// graph files ("nightly"). Empty: to nothing.
using Confines = std::vector<std::string>;

// Whether the graph is within the confines: "churn/training" is within "churn".
bool IsWithin(const Confines& confines, std::string_view graph);
// Whether all of the service is.
bool HoldsService(const Confines& confines, std::string_view service);

}  // namespace busker::access
