#include "notify/mail_text.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/text.h"
#include "io/digest.h"
#include "io/mail_client.h"
#include "io/url.h"

namespace busker::notify {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

std::string WithoutControls(std::string_view text) {
  std::string clean(text);
  std::replace_if(clean.begin(), clean.end(), IsControl, ' ');
  return clean;
}

std::string ValidUtf8(std::string_view text) {
  return IsUtf8(text) ? std::string(text) : Printable(text);
}

// As many bytes of `text` as fit, without cutting a character of UTF-8.
std::string_view Cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::string EncodedWord(std::string_view text) { return "=?UTF-8?B?" + io::Base64Of(text) + "?="; }

std::string HexByte(char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {'=', kHex[byte >> 4], kHex[byte & 15]};
}

// "Thu, 01 Aug 2019 07:00:00 +0000"
std::string MailDate(Instant instant) {
  using namespace std::chrono;
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const std::string stamp = FormatStamp(instant);  // 20190801T070000Z
  return std::string(kDays[weekday(day).c_encoding()]) + ", " + stamp.substr(6, 2) + " " +
         std::string(kMonths[static_cast<unsigned>(date.month()) - 1]) + " " + stamp.substr(0, 4) +
         " " + stamp.substr(9, 2) + ":" + stamp.substr(11, 2) + ":" + stamp.substr(13, 2) +
         " +0000";
}

std::string ShowMailbox(const Mailbox& mailbox) {
  if (mailbox.name.empty()) return mailbox.address;
  // A quoted text may hold anything that is ASCII; what is not is encoded, and needs no quotes.
  std::string name = HeaderText(mailbox.name);
  if (name == mailbox.name) {
    name.clear();
    for (const char c : mailbox.name)
      name += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
    name = '"' + name + '"';
  }
  return name + " <" + mailbox.address + ">";
}

std::string BodyText(const Notice& notice) {
  std::string text = WithoutControls(notice.message) + "\n\n";
  if (!notice.hint.empty()) text += "  " + WithoutControls(notice.hint) + "\n\n";
  const auto row = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    text += std::string(name) + std::string(11 - name.size(), ' ') + WithoutControls(value) + "\n";
  };
  row("service", notice.service);
  row("action", notice.action);
  row("run", notice.run);
  row("data date", notice.data_date);
  row("at", FormatRfc3339(notice.at));
  row("key", notice.key);
  return text;
}

}  // namespace

Result<Mailbox> ParseMailbox(std::string_view text) {
  Mailbox mailbox{"", std::string(Trim(text))};
  const std::size_t open = text.rfind('<');
  if (open != std::string_view::npos && Trim(text).ends_with('>')) {
    mailbox.name = Trim(text.substr(0, open));
    if (mailbox.name.size() >= 2 && mailbox.name.starts_with('"') && mailbox.name.ends_with('"')) {
      mailbox.name = mailbox.name.substr(1, mailbox.name.size() - 2);
    }
    const std::string_view rest = Trim(text).substr(0, Trim(text).size() - 1);
    mailbox.address = rest.substr(rest.rfind('<') + 1);
  }
  if (!io::IsMailAddress(mailbox.address)) {
    return Invalid("\"" + Printable(text) +
                   "\" is not a mail address; write name@example.com or Name <name@example.com>");
  }
  return mailbox;
}

std::string HeaderText(std::string_view text) {
  constexpr std::size_t kBytesMax = 300;
  std::string clean(Cut(WithoutControls(ValidUtf8(text)), kBytesMax));
  const bool plain = std::all_of(clean.begin(), clean.end(), IsAscii) &&
                     clean.find("=?") == std::string::npos && clean == Trim(clean);
  constexpr std::size_t kPlainMax = 200;
  if (plain && clean.size() <= kPlainMax) return clean;
  constexpr std::size_t kWordBytes = 42;  // in base64, with what is around it: 68 characters
  std::string words;
  for (std::string_view left = clean; !left.empty();) {
    const std::string_view part = Cut(left, kWordBytes);
    words += (words.empty() ? "" : "\r\n ") + EncodedWord(part);
    left.remove_prefix(part.size());
  }
  return words;
}

std::string QuotedPrintable(std::string_view text) {
  constexpr std::size_t kLineMax = 75;  // and "=" where a line is broken
  std::string encoded;
  for (const std::string& line : Split(text, '\n')) {
    std::string shown;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      const bool last = i + 1 == line.size();
      // A dot, or a "From", at the beginning of a line means something to old mail programs.
      const bool meant = shown.empty() && (c == '.' || c == 'F');
      const bool plain = IsAscii(c) && !IsControl(c) && c != '=' && !(c == ' ' && last) && !meant;
      const std::string piece = plain ? std::string{c} : HexByte(c);
      if (shown.size() + piece.size() > kLineMax) {
        encoded += shown + "=" + std::string(kLineEnd);
        shown.clear();
      }
      shown += piece;
    }
    encoded += shown + std::string(kLineEnd);
  }
  encoded.resize(encoded.size() - kLineEnd.size());  // what follows the last line feed is no line
  if (!text.ends_with('\n')) encoded += kLineEnd;
  return encoded;
}

Result<std::string> ComposeMail(const Mail& mail, const Notice& notice) {
  TRY_ASSIGN(const Mailbox from, ParseMailbox(mail.from));
  std::vector<std::string> to;
  for (const std::string& text : mail.to) {
    TRY_ASSIGN(const Mailbox mailbox, ParseMailbox(text));
    to.push_back(ShowMailbox(mailbox));
  }
  if (to.empty()) return Invalid("the mail has no recipient");
  const std::string domain = from.address.substr(from.address.find('@') + 1);
  const std::string id = io::Sha256Of(notice.key).substr(0, 32);
  std::string text;
  const auto header = [&](std::string_view name, std::string_view value) {
    text += std::string(name) + ": " + std::string(value) + std::string(kLineEnd);
  };
  header("From", ShowMailbox(from));
  header("To", Join(to, ",\r\n "));
  header("Subject", HeaderText("Busker: " + Title(notice)));
  header("Date", MailDate(notice.at));
  header("Message-ID", "<busker." + id + "@" + domain + ">");
  header("Auto-Submitted", "auto-generated");
  header("Busker-Notice-Key", notice.key);
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "quoted-printable");
  return text + std::string(kLineEnd) + QuotedPrintable(ValidUtf8(BodyText(notice)));
}

}  // namespace busker::notify
