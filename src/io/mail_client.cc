#include "io/mail_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "io/connection.h"
#include "io/host_address.h"
#include "io/http_message.h"
#include "io/tls_context.h"
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

// In the clear, as it was asked for, or because the server is on this machine.
Result<bool> GoesInTheClear(const MailRequest& request, bool is_loopback) {
  if (request.url.starts_with("smtps:")) return false;
  const bool clear = request.tls == MailTls::kOff ||
                     (request.tls == MailTls::kRequiredUnlessLoopback && is_loopback);
  if (clear && !is_loopback && !request.password.empty()) {
    return Invalid("the password would travel unprotected; allow STARTTLS or use smtps://");
  }
  return clear;
}

Result<std::unique_ptr<Connection>> Connect(const Url& url, bool in_the_clear, bool is_loopback,
                                            const TlsContext* tls, const Interrupt& interrupt) {
  Waiter waiter(interrupt);
  // What the name says holds for the address, too.
  const Reach reach = in_the_clear && is_loopback ? Reach::kLoopback : Reach::kAll;
  TRY_ASSIGN(const auto addresses, FindHost(url.host, url.port, reach, waiter));
  TRY_ASSIGN(Descriptor socket, ConnectToHost(addresses, waiter));
  auto connection = std::make_unique<Connection>(std::move(socket));
  if (url.is_safe) TRY(connection->StartTls(*tls, url.host, waiter));
  return connection;
}

// How this machine calls itself to the server.
std::string OwnName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  const std::string text(name.data());
  return AreAll(text, ".-") ? text : "localhost";
}

// The conversation: a line from here, a reply from there.
class Talk {
 public:
  Talk(Connection& connection, Waiter& waiter) : connection_(connection), waiter_(waiter) {}

  // Waits for a reply of this class (2 for 2xx, 3 for 3xx); `to` says in a message to what it is.
  Result<void> Expect(int reply_class, std::string_view to);

  // `secret`: what of the line is not for a message.
  Result<void> Say(const std::string& line, int reply_class, std::string_view secret = {});

  // A line that may be any text of the message, without a reply.
  Result<void> Write(std::string_view bytes) { return connection_.WriteAll(bytes, waiter_); }

  Result<void> Greet();  // and learns what the server offers
  Result<void> StartTls(const TlsContext& tls, const std::string& host);
  Result<void> LogIn(const std::string& user, const std::string& password);

 private:
  Result<std::string> ReadLine();
  bool Offers(std::string_view what) const;

  Connection& connection_;
  Waiter& waiter_;
  std::string unread_;
  std::vector<std::string> reply_;  // its lines, without the codes
};

Result<std::string> Talk::ReadLine() {
  constexpr std::size_t kLineBytesMax = 4096;
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line(Trim(std::string_view(unread_).substr(0, end)));
      unread_.erase(0, end + 1);
      return line;
    }
    if (unread_.size() > kLineBytesMax) return Temporary("a line of its reply does not end");
    std::array<char, 1024> room{};
    TRY_ASSIGN(const std::size_t count, connection_.Read(room, waiter_));
    if (count == 0) return Temporary("it hung up");
    unread_.append(room.data(), count);
  }
}

Result<void> Talk::Expect(int reply_class, std::string_view to) {
  constexpr std::size_t kLinesMax = 100;
  reply_.clear();
  for (bool more = true; more;) {
    TRY_ASSIGN(const std::string line, ReadLine());
    const bool has_code = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' &&
                          line.find_first_not_of("0123456789") >= 3;
    if (!has_code || reply_.size() >= kLinesMax)
      return Temporary("what it said is not a reply of SMTP");
    more = line.size() > 3 && line[3] == '-';
    reply_.push_back(line);
  }
  const std::string& last = reply_.back();
  if (last[0] - '0' == reply_class) return {};
  constexpr std::size_t kShown = 200;
  const std::string said =
      std::string(to) + " was answered with " + Printable(last.substr(0, kShown));
  return last[0] == '5' ? Failed(said) : Temporary(said);
}

Result<void> Talk::Say(const std::string& line, int reply_class, std::string_view secret) {
  TRY(Write(line + "\r\n"));
  return Expect(reply_class,
                secret.empty() ? line : Trim(std::string_view(line).substr(0, line.find(secret))));
}

Result<void> Talk::Greet() { return Say("EHLO " + OwnName(), 2); }

bool Talk::Offers(std::string_view what) const {
  return std::any_of(reply_.begin(), reply_.end(), [&](const std::string& line) {
    const std::string offer =
        LowerCase(std::string_view(line).substr(std::min<std::size_t>(4, line.size())));
    return offer == what || offer.starts_with(std::string(what) + " ");
  });
}

Result<void> Talk::StartTls(const TlsContext& tls, const std::string& host) {
  if (!Offers("starttls")) {
    return Failed("the server offers no STARTTLS, without which nothing is sent to it");
  }
  TRY(Say("STARTTLS", 2));
  // Whoever is in between could have put replies behind that one, to be taken for the server's.
  if (!unread_.empty()) return Failed("the server said more than its reply to STARTTLS");
  TRY(connection_.StartTls(tls, host, waiter_));
  return Greet();
}

Result<void> Talk::LogIn(const std::string& user, const std::string& password) {
  std::vector<std::string> ways;
  for (const std::string& line : reply_) {
    std::vector<std::string> words =
        Split(LowerCase(line.substr(std::min<std::size_t>(4, line.size()))), ' ');
    if (words[0] == "auth") ways.insert(ways.end(), words.begin() + 1, words.end());
  }
  const auto has = [&](std::string_view way) {
    return std::find(ways.begin(), ways.end(), way) != ways.end();
  };
  if (has("plain")) {
    const std::string proof = Base64Of('\0' + user + '\0' + password);
    return Say("AUTH PLAIN " + proof, 2, proof);
  }
  if (!has("login"))
    return Failed("the server offers no way to log in that is known: PLAIN, LOGIN");
  TRY(Say("AUTH LOGIN", 3));
  TRY(Write(Base64Of(user) + "\r\n"));
  TRY(Expect(3, "the user"));
  TRY(Write(Base64Of(password) + "\r\n"));
  return Expect(2, "the password");
}

// The message between DATA and its end: each line ends with CR and LF, and no line of it is the
// end.
std::string Stuffed(std::string_view message) {
  std::string text;
  bool at_begin = true;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    if (c == '\r' || c == '\n') {
      if (c == '\r' && i + 1 < message.size() && message[i + 1] == '\n') ++i;
      text += "\r\n";
      at_begin = true;
      continue;
    }
    if (at_begin && c == '.') text += '.';
    text += c;
    at_begin = false;
  }
  if (!at_begin) text += "\r\n";
  return text + ".\r\n";
}

Result<void> HandOver(Talk& talk, const MailRequest& request) {
  TRY(talk.Say("MAIL FROM:<" + request.from + ">", 2));
  for (const std::string& address : request.to) TRY(talk.Say("RCPT TO:<" + address + ">", 2));
  TRY(talk.Say("DATA", 3));
  TRY(talk.Write(Stuffed(request.message)));
  TRY(talk.Expect(2, "the message"));
  (void)talk.Write("QUIT\r\n");  // the message is theirs, whatever they say to this
  return {};
}

Result<void> Send(const MailRequest& request, const Interrupt& interrupt) {
  TRY_ASSIGN(const Url url, ParseMailUrl(request.url));
  const bool is_loopback = IsLoopbackHost(url.host);
  TRY_ASSIGN(const bool in_the_clear, GoesInTheClear(request, is_loopback));
  std::unique_ptr<TlsContext> tls;
  if (!in_the_clear) {
    TRY_ASSIGN(tls, TlsContext::Make(request.ca_file));
  }
  TRY_ASSIGN(const auto connection, Connect(url, in_the_clear, is_loopback, tls.get(),
                                            Within(request.connect_limit, interrupt)));
  Waiter waiter(interrupt);
  Talk talk(*connection, waiter);
  TRY(talk.Expect(2, "the connection"));
  TRY(talk.Greet());
  if (!in_the_clear && !url.is_safe) TRY(talk.StartTls(*tls, url.host));
  if (!request.user.empty()) TRY(talk.LogIn(request.user, request.password));
  return HandOver(talk, request);
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
  auto sent = Send(request, Within(request.limit, stop));
  if (!sent) return Wrap(OriginOf(request.url), std::move(sent).error());
  return {};
}

}  // namespace busker::io
