#include "http/peer_limit.h"

namespace busker::http {
namespace {

constexpr std::size_t kPeersMax = 10'000;
constexpr Milliseconds kWindow = std::chrono::seconds(1);

}  // namespace

bool PeerLimit::Add(const std::string& peer, Instant now) {
  const std::lock_guard lock(mutex_);
  if (counts_.size() >= kPeersMax) counts_.clear();
  Count& count = counts_[peer];
  if (now - count.since > kWindow || now < count.since) count = {now, 0};
  return ++count.count <= in_a_second_max_;
}

}  // namespace busker::http
