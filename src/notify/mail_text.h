// A notice as a mail: headers and body as RFC 5322, 2045 and 2047 have them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "notify/channel.h"
#include "notify/notice.h"

namespace busker::notify {

// "Busker <busker@example.com>" or "busker@example.com".
struct Mailbox {
  std::string name;  // may be empty
  std::string address;
};
Result<Mailbox> ParseMailbox(std::string_view text);

// Text for a header: control characters become blanks, and what is not plain ASCII is written in
// encoded words, each on a line of its own.
std::string HeaderText(std::string_view text);

// UTF-8 text in quoted-printable, in lines of at most 76 characters that end with CRLF.
std::string QuotedPrintable(std::string_view text);

// The whole message. The same notice, from and to give the same bytes: also the Message-ID, which
// is a function of the key, so that a mail that arrives twice can be told.
Result<std::string> ComposeMail(const Mail& mail, const Notice& notice);

}  // namespace busker::notify
