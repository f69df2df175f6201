#include "model/as_of.h"

#include <tuple>

namespace busker::model {

const artifact::Manifest* AsOf(const Versions& versions, Instant at) {
  const artifact::Manifest* newest = nullptr;
  for (const artifact::Manifest& version : versions.all) {
    if (version.scheduled_at >= at) continue;
    const auto place = [](const artifact::Manifest& one) {
      return std::tie(one.scheduled_at, one.name.timestamp);
    };
    if (newest == nullptr || place(version) >= place(*newest)) newest = &version;
  }
  return newest;
}

}  // namespace busker::model
