#include "http/field.h"

#include <fmt/core.h>

#include <algorithm>

#include "http/problem.h"

namespace busker::http {

std::optional<Response> RefuseQuery(const Fields& fields, const Target& target) {
  if (!target.query_fault.empty()) return Problem(400, target.query_fault);
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  for (const auto& [name, value] : target.query) {
    const auto field =
        std::find_if(fields.begin(), fields.end(),
                     [&, &wanted = name](const Field& one) { return one.name == wanted; });
    if (field == fields.end()) {
      return Problem(400, fmt::format("there is no query parameter \"{}\" here{}", name,
                                      DidYouMean(name, names)));
    }
    if (field->kind == Field::Kind::kFlag && value != "true" && value != "false") {
      return Problem(400, fmt::format("\"{}\" must be true or false", name));
    }
  }
  return std::nullopt;
}

}  // namespace busker::http
