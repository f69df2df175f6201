#include "serve/audit.h"

#include <fmt/core.h>

namespace busker::serve {
namespace {

constexpr Milliseconds kWindow = std::chrono::minutes(1);
constexpr int kInWindowMax = 10;

}  // namespace

void Audit::Note(const std::string& actor, const std::string& what, const std::string& detail) {
  record::EventRow event;
  event.at = Now();
  event.what = what;
  event.actor = actor;
  event.detail = detail;
  if (const auto noted = Add(event); !noted) SayNotNoted(actor, what, noted.error().message);
}

Result<void> Audit::Add(const record::EventRow& event) {
  return records_.With([&](record::Record& record) { return record.AddEvent(event); });
}

void Audit::SayNotNoted(const std::string& actor, const std::string& what, const std::string& why) {
  say_(fmt::format("not noted in the record: {} by {}: {}", what, actor, why));
}

void Audit::NoteRefused(const std::string& peer, Instant now) {
  std::uint64_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    if (now - window_ >= kWindow || now < window_) {
      window_ = now;
      in_window_ = 0;
      noted_.clear();
    }
    if (noted_.contains(peer) || in_window_ == kInWindowMax) {
      ++left_out_;
      return;
    }
    noted_.emplace(peer, now);
    ++in_window_;
    left_out = std::exchange(left_out_, 0);
  }
  Note(peer, "token refused",
       left_out == 0 ? "" : fmt::format("and {} more times since the last of these", left_out));
}

}  // namespace busker::serve
