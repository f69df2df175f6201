// The record of a home, opened; and what is to be said where it is not there although the home was
// used: to begin with an empty one in silence would forget runs, pauses, keys and who did what.
#pragma once

#include <memory>

#include "base/result.h"
#include "home/home.h"
#include "record/open.h"

namespace busker::dispatch {

// Whether something was ever run in the home: the record is there, or what it was the record of.
bool WasUsed(const home::Home& home);

// For who only looks: kNotFound when nothing was ever run; kUnusable when the record is missing or
// empty beside what it was the record of. Nothing is written.
Result<std::unique_ptr<record::Record>> OpenRecord(const home::Home& home);

// For the owner of the home: makes the record in a home that is new. `stays`: record::Opening's.
Result<std::unique_ptr<record::Record>> OpenOrMakeRecord(const home::Home& home, bool stays);

}  // namespace busker::dispatch
