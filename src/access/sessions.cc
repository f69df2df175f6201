#include "access/sessions.h"

#include <algorithm>

#include "access/secret_text.h"
#include "io/digest.h"

namespace busker::access {
namespace {

constexpr Milliseconds kSessionIdleMax = std::chrono::hours(12);
constexpr Milliseconds kLinkMax = std::chrono::hours(24);
constexpr std::size_t kSessionsMax = 1000, kLinksMax = 100;

void RemoveOldest(auto& entries, std::size_t count_max) {
  while (entries.size() > count_max) {
    entries.erase(std::min_element(
        entries.begin(), entries.end(),
        [](const auto& a, const auto& b) { return a.second.used_at < b.second.used_at; }));
  }
}

}  // namespace

std::string Sessions::MakeLink(const Caller& caller, Instant now) {
  std::string secret = MakeSecret();
  const std::lock_guard lock(mutex_);
  links_[io::Sha256Of(secret)] = {caller, now};
  RemoveOldest(links_, kLinksMax);
  return secret;
}

std::optional<std::string> Sessions::Begin(const std::string& link, Instant now) {
  std::string secret = MakeSecret();
  const std::lock_guard lock(mutex_);
  const auto found = links_.extract(io::Sha256Of(link));
  if (found.empty() || now - found.mapped().used_at > kLinkMax) return std::nullopt;
  sessions_[io::Sha256Of(secret)] = {found.mapped().caller, now};
  RemoveOldest(sessions_, kSessionsMax);
  return secret;
}

std::optional<Caller> Sessions::Use(const std::string& session, Instant now) {
  const std::string digest = io::Sha256Of(session);
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(digest);
  if (found == sessions_.end()) return std::nullopt;
  Entry& entry = found->second;
  if (now - entry.used_at > kSessionIdleMax) {
    sessions_.erase(found);
    return std::nullopt;
  }
  entry.used_at = now;
  return entry.caller;
}

bool Sessions::Has(const std::string& sha256, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sha256);
  return found != sessions_.end() && now - found->second.used_at <= kSessionIdleMax;
}

}  // namespace busker::access
