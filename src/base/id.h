// Names and ids: what may be one, and how a run gets one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"

namespace busker {

// A name of a service, action or target, and any id: [a-z0-9][a-z0-9._-]{0,62} (so never "." or
// "..", a path or an option). Safe as one component of a path and of an object-store key.
bool IsName(std::string_view text);

// A name of a graph file, its dag_id: [a-zA-Z0-9_][a-zA-Z0-9_.-]{0,199}, as Airflow has them. Safe
// as a part of a path, too, though not in small letters only.
bool IsGraphName(std::string_view text);

// So many random bytes of the kernel, in hexadecimal: 2 digits each.
std::string RandomHex(std::size_t bytes);

// An id for something that begins at `now`: "20190801-070000-k3f9x2", sorts by second, 30 random
// bits to tell ids of one second apart. The record's primary key refuses the rest.
std::string MakeRunId(Instant now);

}  // namespace busker
