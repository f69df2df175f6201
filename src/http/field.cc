#include "http/field.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "http/paging.h"
#include "http/problem.h"

namespace busker::http {
namespace {

// Why a value is none of the field's kind; empty: it is one.
std::string FaultOf(const Field& field, const std::string& value) {
  switch (field.kind) {
    case Field::Kind::kText:
    case Field::Kind::kTexts:
    case Field::Kind::kObject:
      return "";
    case Field::Kind::kFlag:
      return value == "true" || value == "false" ? "" : "must be true or false";
    case Field::Kind::kNumber:
      return ParseNumber(value) ? "" : "must be a whole number, from 0 on";
    case Field::Kind::kDate:
      return ParseDate(value) ? "" : "must be a day of the calendar, such as 2026-03-29";
    case Field::Kind::kInstant:
      if (ParseRfc3339(value)) return "";
      // A "+" in a query is a blank.
      return fmt::format("is not an RFC 3339 instant, such as 2026-03-29T01:00:00Z{}",
                         value.find(' ') == std::string::npos ? "" : "; write + as %2B");
    case Field::Kind::kChoice:
      if (std::find(field.choices.begin(), field.choices.end(), value) != field.choices.end())
        return "";
      return fmt::format("must be {}{}{}", field.choices.size() > 1 ? "one of " : "",
                         Join(field.choices, ", "), DidYouMean(value, field.choices));
  }
  return "";
}

}  // namespace

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
    if (const std::string fault = FaultOf(*field, value); !fault.empty()) {
      return Problem(400, fmt::format("\"{}\" {}", name, fault));
    }
  }
  return std::nullopt;
}

}  // namespace busker::http
