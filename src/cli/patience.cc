#include "cli/patience.h"

#include <algorithm>
#include <utility>

namespace busker::cli {
namespace {

constexpr std::chrono::seconds kFirst(1), kPauseMax(30), kLimit(600);

}  // namespace

std::optional<std::chrono::seconds> Patience::PauseAfterFault(Instant now) {
  if (!since_) since_ = now;
  if (now - *since_ > kLimit) return std::nullopt;
  return std::exchange(pause_, std::min(2 * pause_, kPauseMax));
}

void Patience::Forget() {
  since_.reset();
  pause_ = kFirst;
}

}  // namespace busker::cli
