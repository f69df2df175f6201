#include "cloud/retry.h"

#include <algorithm>
#include <cstdint>

namespace busker::cloud {
namespace {

// Who has asked for more than a day has asked for never.
constexpr std::uint64_t kSecondsMax = 86'400;
constexpr char kTimeIsOver[] = "the time is over";

}  // namespace

Tries::Tries(const RetryPolicy& policy, const io::Interrupt& interrupt)
    : policy_(policy), interrupt_(interrupt), random_(std::random_device()()) {}

Result<void> Tries::Again(const Error& failure, std::optional<Milliseconds> retry_after) {
  last_ = failure.message;
  TRY(CheckStillWanted());
  const auto now = std::chrono::steady_clock::now();
  if (failures_++ == 0) failing_since_ = now;
  const int doublings = std::min(failures_ - 1, 20);
  const Milliseconds bound = std::min<Milliseconds>(
      policy_.pause_first * (std::int64_t{1} << doublings), policy_.pause_max);
  std::uniform_int_distribution<std::int64_t> jitter(0, bound.count());
  // Those who were all told the same time spread behind it.
  const auto until = now + retry_after.value_or(Milliseconds(0)) + Milliseconds(jitter(random_));
  if (until >= interrupt_.deadline) return WithLast(TimedOut(kTimeIsOver).value());
  if (until - failing_since_ >= policy_.give_up_after) return tl::unexpected(failure);
  io::Waiter waiter(interrupt_);
  while (std::chrono::steady_clock::now() < until) {
    if (const auto waited = waiter.Wait({}, until); !waited) return WithLast(waited.error());
  }
  return {};
}

Result<void> Tries::CheckStillWanted() const {
  const auto wanted = io::CheckStillWanted(interrupt_);
  if (wanted) return {};
  return WithLast(wanted.error());
}

tl::unexpected<Error> Tries::WithLast(Error error) const {
  if (!last_.empty()) error.message += "; the last try: " + last_;
  return tl::unexpected(std::move(error));
}

void Tries::Progress() {
  failures_ = 0;
  last_.clear();
}

bool MayPass(int status) { return status == 408 || status == 429 || status / 100 == 5; }

std::optional<Milliseconds> RetryAfter(const io::HttpResponse& response) {
  const std::string_view text = response.Header("retry-after");
  if (text.empty() || text.size() > 9 ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  std::uint64_t seconds = 0;
  for (const char c : text) seconds = seconds * 10 + static_cast<std::uint64_t>(c - '0');
  return std::chrono::seconds(std::min(seconds, kSecondsMax));
}

}  // namespace busker::cloud
