#include "notify/retry.h"

#include <algorithm>
#include <cstdint>

namespace busker::notify {
namespace {

constexpr Milliseconds kFirst = std::chrono::seconds(5);
constexpr Milliseconds kLongest = std::chrono::hours(1);

// FNV-1a, folded to 0 ... 999.
std::int64_t Thousandth(std::string_view key) {
  std::uint32_t hash = 2166136261U;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<std::int64_t>((hash ^ hash >> 16) % 1000U);
}

}  // namespace

Milliseconds RetryAfter(int tries, std::string_view key) {
  constexpr int kDoublingsMax = 10;  // 5 s * 2^10 is more than an hour
  const int doublings = std::clamp(tries - 1, 0, kDoublingsMax);
  const Milliseconds wait = std::min(kFirst * (1 << doublings), kLongest);
  if (key.empty()) return wait;
  return wait - wait * Thousandth(key) / 10'000;
}

std::optional<Instant> NextTry(Instant at, Instant now, int tries, std::string_view key) {
  const Instant next = now + RetryAfter(tries, key);
  if (next - at > kGiveUpAfter) return std::nullopt;
  return next;
}

}  // namespace busker::notify
