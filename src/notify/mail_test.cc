#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/mail_client.h"
#include "io/subprocess.h"
#include "io/test_server.h"
#include "notify/mail_text.h"
#include "notify/test_notice.h"

namespace busker::notify {
namespace {

using namespace std::chrono_literals;

Mail To(const std::string& url, std::vector<std::string> to = {"ops@example.com"}) {
  Mail mail;
  mail.url = url;
  mail.from = "Busker <busker@example.org>";
  mail.to = std::move(to);
  return mail;
}

// The judge: Python's parser of mails.
nlohmann::json Parse(const std::string& message) {
  const std::string program = R"(
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps({"headers": [[k, str(v)] for k, v in mail.items()], "body": mail.get_content().replace("\r\n", "\n"),
                  "type": mail.get_content_type(), "defects": [str(d) for d in mail.defects]}))
)";
  const auto ran = io::RunAndCapture({{"python3", "-c", program}, io::OwnEnvironment(), {}}, 60s,
                                     1u << 20, message);
  CHECK(ran && ran->exit_code == 0, "Python reads a mail");
  return nlohmann::json::parse(ran->output);
}

std::string Header(const nlohmann::json& mail, const std::string& name) {
  std::string value = "(none)";
  int count = 0;
  for (const auto& header : mail.at("headers")) {
    if (header[0] != name) continue;
    value = header[1];
    ++count;
  }
  return count <= 1 ? value : "(more than one)";
}

void ExpectLinesThatMayBeSent(const std::string& message) {
  std::size_t begin = 0;
  while (begin < message.size()) {
    const std::size_t end = message.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos);
    const std::string line = message.substr(begin, end - begin);
    EXPECT_LE(line.size(), 300U);
    for (const char c : line) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << line;
    begin = end + 2;
  }
}

TEST(Mail, IsReceivedAndReadsAsItWasMeant) {
  io::TestSmtpServer server;
  const auto delivered =
      DeliverOnce(To(server.Url(), {"ops@example.com", "Ann Ops <ann@example.com>"}), TestNotice(),
                  TestOptions());
  ASSERT_TRUE(delivered) << delivered.error().message;
  ASSERT_TRUE(server.mails().WaitFor(1));
  const io::TestMail seen = server.mails().All().at(0);
  EXPECT_TRUE(seen.from.starts_with("<busker@example.org>")) << seen.from;
  EXPECT_EQ(seen.to, (std::vector<std::string>{"<ops@example.com>", "<ann@example.com>"}));
  ExpectLinesThatMayBeSent(seen.data);
  const auto mail = Parse(seen.data);
  EXPECT_TRUE(mail.at("defects").empty());
  EXPECT_EQ(Header(mail, "From"), "Busker <busker@example.org>");
  EXPECT_EQ(Header(mail, "To"), "ops@example.com, Ann Ops <ann@example.com>");
  EXPECT_EQ(Header(mail, "Subject"), "Busker: churn/training failed (2019-08-01)");
  EXPECT_EQ(Header(mail, "Date"), "Thu, 01 Aug 2019 07:00:00 +0000");
  EXPECT_EQ(Header(mail, "Busker-Notice-Key"), "failed-1");
  EXPECT_EQ(mail.at("type"), "text/plain");
  EXPECT_EQ(mail.at("body"),
            "The training of churn failed: exit code 1\n\n"
            "  busker logs 20190801-070000-k3f9x2\n\n"
            "service    churn\naction     training\nrun        20190801-070000-k3f9x2\n"
            "data date  2019-08-01\nat         2019-08-01T07:00:00.123Z\nkey        failed-1\n");
}

TEST(Mail, ARedeliveryHasTheSameMessageIdAndAnotherNoticeAnother) {
  const Mail mail = To("smtp://127.0.0.1:25");
  const auto id = [&](const std::string& key) {
    return Header(Parse(*ComposeMail(mail, TestNotice(key))), "Message-ID");
  };
  EXPECT_EQ(*ComposeMail(mail, TestNotice("a")), *ComposeMail(mail, TestNotice("a")));
  EXPECT_EQ(id("a"), id("a"));
  EXPECT_NE(id("a"), id("b"));
  EXPECT_TRUE(id("a").ends_with("@example.org>"));
}

TEST(Mail, TextThatIsNotAsciiArrivesAsItWas) {
  Notice notice = TestNotice();
  notice.service = "pr\xC3\xA9vision-\xE4\xBA\x88\xE6\xB8\xAC-\xF0\x9F\x93\x88";
  for (int i = 0; i < 20; ++i) notice.action += "\xE6\xB8\xAC";  // more than one encoded word
  notice.message =
      "\xC3\x9C"
      "ber 100 % = schlecht. ";
  for (int i = 0; i < 60; ++i)
    notice.message +=
        "\xF0\x9F\x93\x88"
        "x";
  Mail mail = To("smtp://127.0.0.1:25", {"J\xC3\xBCrgen \"J\" <j@example.com>"});
  mail.from = "B\xC3\xBCsker <busker@example.org>";
  const auto message = ComposeMail(mail, notice);
  ASSERT_TRUE(message);
  ExpectLinesThatMayBeSent(*message);
  for (const std::string& line : Split(*message, '\n')) EXPECT_LE(line.size(), 78U) << line;
  const auto parsed = Parse(*message);
  EXPECT_TRUE(parsed.at("defects").empty());
  EXPECT_EQ(Header(parsed, "Subject"), "Busker: " + Title(notice));
  EXPECT_EQ(Header(parsed, "From"), mail.from);
  EXPECT_NE(Header(parsed, "To").find("J\xC3\xBCrgen"), std::string::npos);
  EXPECT_TRUE(parsed.at("body").get<std::string>().starts_with(notice.message + "\n"));
}

// Every field of a notice, with a line end of every kind, and what an attacker would put behind it.
TEST(Mail, NoFieldCanAddAHeaderARecipientOrASecondMail) {
  for (const std::string end : {"\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "\r\n.\r\n"}) {
    const std::string attack = "x" + end + "Bcc: evil@example.net" + end + "." + end +
                               "MAIL FROM:<evil@example.net>" + end;
    for (std::string Notice::*field :
         {&Notice::kind, &Notice::service, &Notice::action, &Notice::run, &Notice::data_date,
          &Notice::message, &Notice::hint}) {
      Notice notice = TestNotice();
      notice.*field = attack;
      const auto message = ComposeMail(To("smtp://127.0.0.1:25"), notice);
      ASSERT_TRUE(message);
      ExpectLinesThatMayBeSent(*message);
      EXPECT_EQ(message->find("\r\nBcc"), std::string::npos) << *message;
      EXPECT_EQ(message->find("\r\nMAIL"), std::string::npos) << *message;
      EXPECT_EQ(message->find("\r\n."), std::string::npos) << *message;
      // One blank line before the body begins, and the body is where it was.
      EXPECT_LT(message->find("Content-Transfer-Encoding"), message->find("\r\n\r\n"));
    }
    Mail mail = To("smtp://127.0.0.1:25", {"a@b.c" + end + "Bcc: evil@example.net"});
    EXPECT_FALSE(ComposeMail(mail, TestNotice()));
    mail.to = {"A" + end + "Bcc: evil@example.net" + end + " <a@b.c>"};
    if (const auto message = ComposeMail(mail, TestNotice())) {
      EXPECT_EQ(message->find("\r\nBcc"), std::string::npos) << *message;
      ExpectLinesThatMayBeSent(*message);
    }
    mail = To("smtp://127.0.0.1:25");
    mail.from = "A" + end + "Bcc: evil@example.net" + end + " <a@b.c>";
    if (const auto message = ComposeMail(mail, TestNotice())) {
      EXPECT_EQ(message->find("\r\nBcc"), std::string::npos) << *message;
    }
    EXPECT_FALSE(ComposeMail(To("smtp://127.0.0.1:25"), TestNotice())->empty());
  }
}

TEST(Mail, AnAttackThatIsSentArrivesAsOneMailToOneRecipient) {
  io::TestSmtpServer server;
  Notice notice = TestNotice();
  notice.message =
      "x\r\n.\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\n";
  notice.service = "y\r\nBcc: evil@example.net";
  ASSERT_TRUE(DeliverOnce(To(server.Url()), notice, TestOptions()));
  ASSERT_TRUE(server.mails().WaitFor(1));
  const auto mails = server.mails().All();
  ASSERT_EQ(mails.size(), 1U);
  EXPECT_EQ(mails[0].to, std::vector<std::string>{"<ops@example.com>"});
  EXPECT_EQ(Header(Parse(mails[0].data), "Bcc"), "(none)");
}

TEST(Mail, OnlyPlainAddressesAreAddresses) {
  for (const std::string good : {"a@b", "a.b+c@example.com", "root@localhost", "o'hara@x-y.z"}) {
    EXPECT_TRUE(io::IsMailAddress(good)) << good;
  }
  for (const std::string bad :
       {"", "a", "@b", "a@", "a b@c", "a@b c", "<a@b>", "a@b>", "a@b,c@d", "a@b@c", "-x@b",
        "a@b\r\nRCPT TO:<c@d>", "\xC3\xA4@b", "a@b\\", "a\"@b"}) {
    EXPECT_FALSE(io::IsMailAddress(bad)) << bad;
  }
}

TEST(Mail, LogsInWhenThereIsAUser) {
  io::TestSmtpServer server({.offer_login = true});
  Mail mail = To(server.Url());
  mail.user = "user";
  mail.password = "word";
  const auto delivered = DeliverOnce(mail, TestNotice(), TestOptions());
  ASSERT_TRUE(delivered) << delivered.error().message;
  EXPECT_EQ(server.mails().All().at(0).login, "AHVzZXIAd29yZA==");  // \0user\0word
}

TEST(Mail, AServerThatRefusesOneRecipientTakesTheMailForNobodyAndItIsTriedAgain) {
  for (const std::string refusal : {"450 4.2.1 full", "550 5.1.1 no such user"}) {
    io::TestSmtpServer server({.refuse_recipient = "b@example.com", .refusal = refusal});
    const auto delivered = DeliverOnce(To(server.Url(), {"a@example.com", "b@example.com"}),
                                       TestNotice(), TestOptions());
    ASSERT_FALSE(delivered);
    EXPECT_TRUE(MayTryAgain(delivered.error())) << delivered.error().message;
    EXPECT_TRUE(server.mails().All().empty());
  }
}

TEST(Mail, AServerThatHangsIsLeftWithinTheLimit) {
  io::TestServer server([](io::TestConnection& connection) { connection.Hang(); });
  SendOptions options = TestOptions();
  options.exchange_limit = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  const auto delivered = DeliverOnce(To("smtp://" + server.Place()), TestNotice(), options);
  ASSERT_FALSE(delivered);
  EXPECT_EQ(delivered.error().kind, ErrorKind::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace busker::notify
