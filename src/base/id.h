// Names and ids: what may be one, and how a run gets one.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace busker {

// A name of a service, action or target, and any id: [a-z0-9][a-z0-9._-]{0,62} (so never "." or
// "..", a path or an option). Safe as one component of a path and of an object-store key.
bool IsName(std::string_view text);

// An id for something that begins at `now`: "20190801-070000-k3f9x2", sorts by second, 30 random
// bits to tell ids of one second apart. The record's primary key refuses the rest.
std::string MakeRunId(Instant now);

}  // namespace busker
