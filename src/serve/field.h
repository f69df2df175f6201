// What a query or a body may have, as each route says of itself: for the door, which refuses what
// else comes, and for the OpenAPI document.
#pragma once

#include <string>
#include <vector>

namespace busker::serve {

struct Field {
  enum class Kind {
    kText,
    kTexts,   // a list of them
    kFlag,    // true or false
    kNumber,  // a whole one
  };
  std::string name;
  Kind kind = Kind::kText;
  std::string what;  // half a sentence
  bool required = false;
};
using Fields = std::vector<Field>;

}  // namespace busker::serve
