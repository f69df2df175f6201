#include "io/mail_client.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "io/curl_library.h"
#include "io/url.h"

namespace busker::io {
namespace {

bool IsAlphanumeric(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 && std::isalnum(byte) != 0;
}

bool AreAll(std::string_view text, std::string_view marks) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlphanumeric(c) || marks.find(c) != std::string_view::npos;
  });
}

Result<void> CheckRequest(const MailRequest& request) {
  CHECK(request.limit.count() > 0 && request.connect_limit.count() > 0, "a call has its limits");
  TRY(CheckUrl(request.url, "smtp", "smtps"));
  if (request.url.find('@') != std::string::npos) {
    return Invalid("the mail server's URL holds a user; give it as the setting \"user\"");
  }
  if (request.to.empty()) return Invalid("the mail has no recipient");
  for (const std::string& address : request.to) {
    if (!IsMailAddress(address)) return Invalid("no mail address: " + Printable(address));
  }
  if (!IsMailAddress(request.from)) return Invalid("no mail address: " + Printable(request.from));
  const bool controls = std::any_of(request.user.begin(), request.user.end(),
                                    [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (controls) return Invalid("the user of the mail server holds a control character");
  return {};
}

// What of the message has been handed to libcurl.
struct Outgoing {
  std::string_view left;
};

std::size_t Give(char* to, std::size_t size, std::size_t count, void* from) {
  std::string_view& left = static_cast<Outgoing*>(from)->left;
  const std::size_t part = std::min(size * count, left.size());
  std::memcpy(to, left.data(), part);
  left.remove_prefix(part);
  return part;
}

std::size_t Ignore(char*, std::size_t size, std::size_t count, void*) { return size * count; }

Result<void> SetProtection(Transfer& transfer, const MailRequest& request) {
  if (request.url.starts_with("smtps:")) return {};
  const bool loopback = IsLoopbackHost(HostOf(request.url));
  const bool clear =
      request.tls == MailTls::kOff || (request.tls == MailTls::kRequiredUnlessLoopback && loopback);
  if (!clear) {
    transfer.Set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    return {};
  }
  if (loopback) {
    transfer.AllowLoopbackOnly();  // what the name says holds for the address, too
  } else if (!request.password.empty()) {
    return Invalid(OriginOf(request.url) +
                   ": the password would travel unprotected; allow STARTTLS or use smtps://");
  }
  transfer.Set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_NONE));
  return {};
}

}  // namespace

bool IsMailAddress(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at > 64 || text.size() > 254) return false;
  // A leading "-" reads as an option to programs further down the way.
  return !text.starts_with('-') && AreAll(text.substr(0, at), ".!#$%&'*+/=?^_`{|}~-") &&
         AreAll(text.substr(at + 1), ".-");
}

Result<void> SendMail(const MailRequest& request, const std::stop_token& stop) {
  TRY(CheckRequest(request));
  const std::string origin = OriginOf(request.url);
  TRY_ASSIGN(const std::unique_ptr<Transfer> transfer, Transfer::Make(origin));
  TRY(SetProtection(*transfer, request));
  Outgoing outgoing{request.message};
  transfer->Set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  transfer->Set(CURLOPT_PROXY, "");  // a proxy for the web would be asked to carry the mail as HTTP
  transfer->Set(CURLOPT_URL, request.url);
  transfer->Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_limit.count()));
  transfer->Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
  if (!request.ca_file.empty()) transfer->Set(CURLOPT_CAINFO, request.ca_file);
  if (!request.user.empty()) {
    transfer->Set(CURLOPT_USERNAME, request.user);
    transfer->Set(CURLOPT_PASSWORD, request.password);
  }
  transfer->Set(CURLOPT_MAIL_FROM, "<" + request.from + ">");
  for (const std::string& address : request.to) {
    transfer->Append(CURLOPT_MAIL_RCPT, "<" + address + ">");
  }
  transfer->Set(CURLOPT_UPLOAD, 1L);
  transfer->Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.message.size()));
  transfer->Set(CURLOPT_READFUNCTION, &Give);
  transfer->Set(CURLOPT_READDATA, &outgoing);
  transfer->Set(CURLOPT_WRITEFUNCTION, &Ignore);
  auto sent = transfer->Run(stop, false);
  const long reply = transfer->ResponseCode();
  if (!sent && sent.error().kind == ErrorKind::kFailed && reply >= 400 && reply < 500) {
    return Temporary(sent.error().message);
  }
  return sent;
}

}  // namespace busker::io
