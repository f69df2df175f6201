// When a delivery that failed is tried again: pure, by numbers alone.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace busker::notify {

// A notice that could not be delivered for so long after it happened is given up.
constexpr Milliseconds kGiveUpAfter = std::chrono::hours(72);

// The wait after the `tries`-th try (1, 2, ...): 5 s, doubled with each try up to 1 h, less up to a
// tenth, by the key, so that notices that failed together do not all return together.
Milliseconds RetryAfter(int tries, std::string_view key = {});

// When to try again after the `tries`-th try of a notice of `at` failed now; nullopt: give up.
std::optional<Instant> NextTry(Instant at, Instant now, int tries, std::string_view key);

}  // namespace busker::notify
