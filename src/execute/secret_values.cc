#include "execute/secret_values.h"

#include <utility>

namespace busker::execute {

Result<std::vector<std::string>> ValuesOf(const std::vector<std::string>& names,
                                          const Executor::SecretOf& secret_of) {
  std::vector<std::string> values;
  for (const std::string& name : names) {
    if (!secret_of) return NotFound("there are no secrets here");
    TRY_ASSIGN(std::string value, secret_of(name));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace busker::execute
