#include "plan/graph.h"

#include <algorithm>
#include <array>

namespace busker::plan {
namespace {

constexpr std::array<std::string_view, 4> kTroubles = {"", "failed", "late", "never-started"};

}  // namespace

std::string_view NameOf(Trouble trouble) { return kTroubles[static_cast<std::size_t>(trouble)]; }

std::optional<Trouble> ParseTrouble(std::string_view name) {
  const auto found = std::find(kTroubles.begin(), kTroubles.end(), name);
  if (found == kTroubles.end()) return std::nullopt;
  return static_cast<Trouble>(found - kTroubles.begin());
}

}  // namespace busker::plan
