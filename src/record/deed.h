// What a person does that is no run: a live pointer moved by hand, a delivery undone, a token made.
// It is on record before it is done, and again when it is; so whatever is killed in between,
// nothing was done that the record knows nothing of.
#pragma once

#include <string>

#include "record/record.h"

namespace busker::record {

struct Deed {
  std::string actor;
  std::string verb;  // "promote": noted as "promote requested", and as "promote failed" if it does
  std::string done;  // "live pointer moved": what is noted once it is done
  std::string detail;  // of what; who does it may say more before it returns
};

// Does `act`, which returns a Result. `note` takes an EventRow and returns a Result<void>: when it
// cannot take the intent, nothing is done, and its error is returned. `warn` is told when the deed
// is over and only its end could not be noted.
template <typename Note, typename Warn, typename Act>
auto Do(Deed& deed, const Note& note, const Warn& warn, const Act& act) -> decltype(act()) {
  const auto event = [&](std::string what) {
    EventRow row;
    row.at = Now();
    row.what = std::move(what);
    row.actor = deed.actor;
    row.detail = deed.detail;
    return row;
  };
  if (auto noted = note(event(deed.verb + " requested")); !noted) {
    return Wrap("nothing was done, as it could not be noted in the record first",
                std::move(noted).error());
  }
  auto outcome = act();
  const auto noted = note(event(outcome ? deed.done : deed.verb + " failed"));
  if (!noted) warn(noted.error().message);
  return outcome;
}

}  // namespace busker::record
