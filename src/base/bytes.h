// Amounts of memory and of storage, as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace busker {

// "2GiB", "512 MiB", "1.5GB", "4096B": B, KB, MB, GB, TB (powers of 1,000) and KiB, MiB, GiB, TiB
// (powers of 1,024); up to 1,024 TiB. A plain number has no unit and is refused. kInvalid.
Result<std::uint64_t> ParseBytes(std::string_view text);

// 2147483648 -> "2GiB", 1500000 -> "1.4MiB", 100 -> "100B"; ParseBytes reads it again, rounded.
std::string FormatBytes(std::uint64_t bytes);

}  // namespace busker
