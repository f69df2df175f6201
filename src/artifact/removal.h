// What stands in place of the manifest of a version that was never published, while what is left of
// it is removed, and for some days after: nobody can publish that version over it unseen.
#pragma once

#include <optional>
#include <string>

namespace busker::artifact {

struct Removal {
  std::string word;      // of who removes; one each time
  bool is_done = false;  // nothing is removed under it any more

  bool operator==(const Removal&) const = default;
};

std::string RemovalToJson(const Removal& removal);
std::optional<Removal> RemovalFromJson(const std::string& text);  // nullopt: it is none

// A manifest is longer: its digests and dates alone are.
inline constexpr std::size_t kRemovalBytesMax = 200;

}  // namespace busker::artifact
