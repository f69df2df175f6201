#include "notify/send_once.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "io/mail_client.h"
#include "io/subprocess.h"
#include "notify/mail_text.h"
#include "notify/webhook.h"

namespace busker::notify {
namespace {

// What a command needs to find its way; the rest of our environment may hold secrets.
std::vector<std::string> CommandEnvironment(const Notice& notice) {
  constexpr std::array<std::string_view, 8> kPassed = {
      "PATH=", "HOME=", "USER=", "LOGNAME=", "LANG=", "LC_ALL=", "TZ=", "TMPDIR="};
  std::vector<std::string> environment = ToEnvironment(notice);
  for (const std::string& entry : io::OwnEnvironment()) {
    const bool passed = std::any_of(kPassed.begin(), kPassed.end(),
                                    [&](std::string_view name) { return entry.starts_with(name); });
    if (passed) environment.push_back(entry);
  }
  return environment;
}

Result<void> DeliverOne(io::HttpSession& http, const Webhook& webhook, const Notice& notice,
                        const SendOptions& options) {
  return DeliverWebhook(http, webhook, notice, options);
}

Result<void> DeliverOne(io::HttpSession&, const CommandChannel& channel, const Notice& notice,
                        const SendOptions& options) {
  const io::Command command{channel.words, CommandEnvironment(notice), channel.folder};
  constexpr std::uint64_t kOutputBytesMax = 0;  // nobody reads it
  TRY_ASSIGN(const io::Captured ended,
             io::RunAndCapture(command, options.command_limit, kOutputBytesMax,
                               ToJson(notice) + "\n", options.stop));
  if (ended.exit_code == 0) return {};
  return Temporary("the command " + channel.words[0] + " ended with exit code " +
                   std::to_string(ended.exit_code));
}

Result<void> DeliverOne(io::HttpSession&, const Mail& mail, const Notice& notice,
                        const SendOptions& options) {
  io::MailRequest request;
  TRY_ASSIGN(request.message, ComposeMail(mail, notice));
  TRY_ASSIGN(const Mailbox from, ParseMailbox(mail.from));
  for (const std::string& to : mail.to) {
    TRY_ASSIGN(Mailbox mailbox, ParseMailbox(to));
    request.to.push_back(std::move(mailbox.address));
  }
  request.url = mail.url;
  request.tls = mail.starttls ? io::MailTls::kRequiredUnlessLoopback : io::MailTls::kOff;
  request.user = mail.user;
  request.password = mail.password;
  request.from = from.address;
  request.connect_limit = options.connect_limit;
  request.limit = options.exchange_limit;
  return io::SendMail(request, options.stop);
}

// Most of what stops a delivery can be put right within three days: a certificate that ran out, a
// program or a library that is missing, a mailbox that is full.
Error AsRetry(Error error, const Channel& channel) {
  const bool hopeless =
      (error.kind == ErrorKind::kNotFound && std::holds_alternative<Webhook>(channel)) ||
      (error.kind == ErrorKind::kInvalid && !std::holds_alternative<CommandChannel>(channel));
  if (!hopeless && error.kind != ErrorKind::kTimedOut) error.kind = ErrorKind::kTemporary;
  return error;
}

}  // namespace

Result<void> SendOnce(io::HttpSession& http, const Channel& channel, const Notice& notice,
                      const SendOptions& options) {
  if (!IsKey(notice.key)) return Invalid("a notice has no usable key: " + Printable(notice.key));
  TRY(CheckChannel(channel));
  auto delivered =
      std::visit([&](const auto& one) { return DeliverOne(http, one, notice, options); }, channel);
  if (!delivered) return tl::unexpected(AsRetry(std::move(delivered).error(), channel));
  return {};
}

bool MayTryAgain(const Error& error) {
  return error.kind == ErrorKind::kTemporary || error.kind == ErrorKind::kTimedOut;
}

}  // namespace busker::notify
