// What a query or a body may have, as each route says of itself: for who refuses what else comes,
// and for the OpenAPI document.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/message.h"

namespace busker::http {

struct Field {
  enum class Kind {
    kText,
    kTexts,   // a list of them
    kFlag,    // true or false
    kNumber,  // a whole one
    kObject,  // of any members
  };
  std::string name;
  Kind kind = Kind::kText;
  std::string what;  // half a sentence
  bool required = false;
};
using Fields = std::vector<Field>;

// nullopt, or the answer that says no to a query: as with bodies, what is not known is refused.
std::optional<Response> RefuseQuery(const Fields& fields, const Target& target);

}  // namespace busker::http
