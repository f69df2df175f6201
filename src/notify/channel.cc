#include "notify/channel.h"

#include "base/text.h"
#include "io/url.h"
#include "notify/mail_text.h"
#include "notify/webhook.h"

namespace busker::notify {
namespace {

Result<void> CheckOne(const Webhook& webhook) {
  TRY(io::CheckUrl(webhook.url, "http", "https"));
  TRY(Sign(webhook.secret, "id", "0", ""));
  return {};
}

Result<void> CheckOne(const CommandChannel& command) {
  if (command.words.empty() || command.words[0].empty()) {
    return Invalid("the command for notices is empty");
  }
  return {};
}

Result<void> CheckOne(const Mail& mail) {
  TRY(io::CheckUrl(mail.url, "smtp", "smtps"));
  TRY(ParseMailbox(mail.from));
  if (mail.to.empty()) return Invalid("the mail has no recipient");
  for (const std::string& to : mail.to) TRY(ParseMailbox(to));
  const bool clear = mail.url.starts_with("smtp:") && !mail.starttls;
  if (clear && !mail.password.empty() && !io::IsLoopbackHost(io::HostOf(mail.url))) {
    return Invalid("the password for " + io::OriginOf(mail.url) +
                   " would travel unprotected; allow STARTTLS or use smtps://");
  }
  return {};
}

struct Describing {
  std::string operator()(const Webhook& webhook) const { return io::OriginOf(webhook.url); }
  std::string operator()(const CommandChannel& command) const {
    return "the command " + (command.words.empty() ? "(none)" : command.words[0]);
  }
  std::string operator()(const Mail& mail) const { return "mail to " + Join(mail.to, ", "); }
};

}  // namespace

std::string Describe(const Channel& channel) { return std::visit(Describing{}, channel); }

Result<void> CheckChannel(const Channel& channel) {
  return std::visit([](const auto& one) { return CheckOne(one); }, channel);
}

Result<std::string> ReadSecret(const io::fs::path& file) {
  constexpr std::uint64_t kBytesMax = 4096;
  TRY_ASSIGN(std::string text, io::ReadFile(file, kBytesMax));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return Invalid("the file " + file.string() + " holds no secret");
  return text;
}

}  // namespace busker::notify
