#include "access/sessions.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "access/secret_text.h"
#include "base/json_object.h"
#include "io/digest.h"

namespace busker::access {
namespace {

constexpr Milliseconds kSessionIdleMax = std::chrono::hours(12);
constexpr Milliseconds kLinkMax = std::chrono::hours(24);
constexpr std::size_t kSessionsMax = 1000, kLinksMax = 100;
constexpr std::uint64_t kFileBytesMax = 1u << 20;
constexpr Milliseconds kWriteAgain = std::chrono::minutes(10);  // who used what is news for so long

void RemoveOldest(auto& entries, std::size_t count_max) {
  while (entries.size() > count_max) {
    entries.erase(std::min_element(
        entries.begin(), entries.end(),
        [](const auto& a, const auto& b) { return a.second.used_at < b.second.used_at; }));
  }
}

bool IsOurs(const io::fs::path& file) {
  struct stat info {};
  return stat(file.c_str(), &info) == 0 && (info.st_mode & 077) == 0 && info.st_uid == geteuid();
}

}  // namespace

Sessions::Sessions(io::fs::path file) : file_(std::move(file)) {
  if (!file_.empty() && IsOurs(file_)) Read();
}

void Sessions::Read() {
  const auto text = io::ReadFile(file_, kFileBytesMax);
  const auto value = text ? ParseJson(*text, file_.string()) : tl::unexpected(text.error());
  if (!value || !value->is_object() || !value->contains("sessions")) return;
  for (const auto& each : (*value)["sessions"]) {
    std::string sha256, scope;
    Entry entry;
    JsonObject in(each, file_.string());
    in.Get("sha256", sha256);
    in.Get("name", entry.caller.name);
    in.Get("scope", scope);
    in.Get("used_at", entry.used_at);
    const auto parsed = ParseScope(scope);
    if (!in.Done() || !parsed || sha256.size() != 64) continue;
    entry.caller.scope = *parsed;
    sessions_[sha256] = entry;
  }
  RemoveOldest(sessions_, kSessionsMax);
}

void Sessions::Write(Instant now) {
  if (file_.empty()) return;
  written_at_ = now;
  auto list = nlohmann::ordered_json::array();
  for (const auto& [sha256, entry] : sessions_) {
    list.push_back({{"sha256", sha256},
                    {"name", entry.caller.name},
                    {"scope", NameOf(entry.caller.scope)},
                    {"used_at", FormatRfc3339(entry.used_at)}});
  }
  const nlohmann::ordered_json whole = {{"sessions", list}};
  const auto text = whole.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  (void)io::WriteFileUnsynced(file_, text + "\n", 0600);  // see the header
}

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
  Write(now);
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
  if (now - written_at_ > kWriteAgain) Write(now);
  return entry.caller;
}

bool Sessions::Has(const std::string& sha256, Instant now) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(sha256);
  return found != sessions_.end() && now - found->second.used_at <= kSessionIdleMax;
}

}  // namespace busker::access
