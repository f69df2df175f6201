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
    kTexts,    // a list of them
    kFlag,     // true or false
    kNumber,   // a whole one, from 0 on
    kObject,   // of any members
    kDate,     // a day of the calendar, such as 2026-03-29
    kInstant,  // of RFC 3339
    kChoice,   // one of `choices`
  };
  std::string name;
  Kind kind = Kind::kText;
  std::string what;  // half a sentence
  bool required = false;
  std::vector<std::string> choices = {};
};
using Fields = std::vector<Field>;

// nullopt, or the answer that says no to a query. As with bodies, what is not known is refused, and
// so is what is not of its kind, be it empty: nobody is answered as if they had asked for less.
std::optional<Response> RefuseQuery(const Fields& fields, const Target& target);

}  // namespace busker::http
