// What who writes a .rows file and who reads it have in common (row_index.h). For their .cc files.
#pragma once

#include <cstdint>

namespace busker::deliver::row_format {

inline constexpr char kMagic[] = "BuskRows";
inline constexpr std::uint64_t kFormat = 1;
inline constexpr std::uint64_t kRecordBytes = 8, kEndBytes = 8;  // of sizes and checksums
inline constexpr int kOffsetBits = 40;
inline constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kOffsetBits) - 1;
// Nobody looks further than so many places. With three of four taken, 300 are never needed for 10
// million rows.
inline constexpr std::uint64_t kProbesMax = 4096;

__extension__ using Wide = unsigned __int128;

inline std::uint64_t Folded(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t PlaceOf(std::uint64_t hash, std::uint64_t slots) {
  return static_cast<std::uint64_t>((static_cast<Wide>(hash) * slots) >> 64);
}

inline std::uint64_t TagOf(std::uint64_t hash) { return hash & 0xffffff; }

}  // namespace busker::deliver::row_format
