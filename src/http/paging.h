// How long lists are cut: ?limit= how much at once, ?cursor= the "next" of the answer before.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/field.h"
#include "http/message.h"

namespace busker::http {

inline constexpr std::uint64_t kPageMax = 200, kPageDefault = 50;

// What these read in a query, behind what the route itself reads there.
Fields WithPage(Fields own);

// kInvalid: it is no number from 1 to `most`.
Result<std::uint64_t> LimitIn(const Target& target, std::uint64_t usual = kPageDefault,
                              std::uint64_t most = kPageMax);

// A cursor that is a number, as those of runs and events are. kInvalid for another; nullopt: none.
Result<std::optional<std::int64_t>> NumberCursorIn(const Target& target);

// Digits alone.
std::optional<std::uint64_t> ParseNumber(const std::string& text);

}  // namespace busker::http
