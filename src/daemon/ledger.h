// Where what people do beside runs is noted, before it is done and after (record/deed.h): live
// pointers moved by hand, deliveries undone, tokens. Who does it, a verb or the HTTP API, brings
// the ledger of the home; what is done is written once (live_deeds.h, undo_deed.h,
// serve/token_deeds.h).
//
// The owner of the home is not asked for these: they are done by whoever is told to, whether a
// busker owns the home or none does, in the places' own way of having two at once.
#pragma once

#include <functional>
#include <string>

#include "record/deed.h"

namespace busker::daemon {

struct Ledger {
  std::function<Result<void>(const record::EventRow&)> note;
  // The deed is done, and only its end could not be noted.
  std::function<void(const record::Deed&, const std::string& why)> warn;
};

// record::Do: what the record does not take is not done.
template <typename Act>
auto Do(const Ledger& ledger, record::Deed& deed, const Act& act) -> decltype(act()) {
  return record::Do(
      deed, ledger.note, [&](const std::string& why) { ledger.warn(deed, why); }, act);
}

}  // namespace busker::daemon
