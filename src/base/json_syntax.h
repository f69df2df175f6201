// Where a text stops being JSON: for messages that name the place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace busker {

struct JsonFault {
  int line = 1, column = 1;  // of the token that is wrong; columns count characters
  std::string reason;        // "invalid literal; last read: 'x'"
};

// nullopt when `text` is JSON in UTF-8. Takes a depth of any size: the parser does not recurse.
std::optional<JsonFault> FindJsonFault(std::string_view text);

}  // namespace busker
