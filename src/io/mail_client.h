// Handing a message to a mail server by SMTP (RFC 5321), with STARTTLS and a login when there is
// one.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace busker::io {

// How the way to the server is protected. smtps:// is TLS from the first byte, whatever this says.
enum class MailTls {
  kRequired,                // STARTTLS, or nothing is sent
  kRequiredUnlessLoopback,  // the same, but a server on this machine is talked to in the clear
  kOff,                     // in the clear, and then without a password, except to this machine
};

struct MailRequest {
  std::string url;  // smtp://HOST:PORT or smtps://HOST:PORT
  MailTls tls = MailTls::kRequiredUnlessLoopback;
  std::string user, password;  // empty: without logging in
  std::string from;            // addresses alone: "busker@example.com"
  std::vector<std::string> to;
  std::string message;  // headers and body as RFC 5322 has them; lines end with CRLF
  Milliseconds connect_limit{};
  Milliseconds limit{};
  std::string ca_file;  // trusted certificates (PEM); empty: the system's
};

// Is this one plain address, local@domain in ASCII, that can do no harm in an SMTP command or a
// header?
bool IsMailAddress(std::string_view text);

// Returns when the server has taken the message for every recipient: it takes it for all, or this
// is an error and the message went to nobody. Errors as those of HttpSession::Send; a server
// that says no is kTemporary for 4xx replies, kFailed for 5xx. Any thread; returns soon after
// `stop`.
Result<void> SendMail(const MailRequest& request, const std::stop_token& stop = {});

}  // namespace busker::io
