// The version that there was at a date in the past: for applications that are to know nothing that
// came later.
#pragma once

#include "base/time.h"
#include "model/versions.h"

namespace busker::model {

// Of `versions` the newest whose data date is before `at`: the one of the latest data date, and of
// several of that date the one saved last. nullptr: there is none.
const artifact::Manifest* AsOf(const Versions& versions, Instant at);

}  // namespace busker::model
