// Who asks, once it is known.
#pragma once

#include <string>

#include "access/scope.h"

namespace busker::access {

struct Caller {
  std::string name;  // of the token, for the record
  Scope scope = Scope::kViewer;
  Confines confines = {};

  bool Sees(const std::string& graph) const { return IsWithin(confines, graph); }
};

}  // namespace busker::access
