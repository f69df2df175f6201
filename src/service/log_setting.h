// How much is kept of what a program writes.
#pragma once

#include <cstdint>

namespace busker::service {

inline constexpr std::uint64_t kLogBytes = 16u << 20;  // unless the file says otherwise
inline constexpr std::uint64_t kLogBytesLeast = 64u << 10, kLogBytesMost = 1u << 30;

}  // namespace busker::service
