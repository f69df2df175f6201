#include "notify/webhook.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/subprocess.h"
#include "io/test_folder.h"
#include "io/test_server.h"
#include "notify/test_notice.h"

namespace busker::notify {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// 24 bytes: 0 ... 23.
constexpr std::string_view kSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
constexpr std::string_view kSecretHex = "000102030405060708090a0b0c0d0e0f1011121314151617";

// The judge: OpenSSL's own program, told what the standard says.
std::string SignatureByOpenssl(std::string_view hex_key, const std::string& text) {
  const std::string script =
      "openssl dgst -sha256 -mac HMAC -macopt hexkey:" + std::string(hex_key) +
      " -binary | base64 -w0";
  const auto ran =
      io::RunAndCapture({{"sh", "-c", script}, io::OwnEnvironment(), {}}, 20s, 1u << 20, text);
  return ran ? "v1," + ran->output : ran.error().message;
}

Result<void> Try(const std::string& url, const SendOptions& options = TestOptions()) {
  return DeliverOnce(Webhook{url, std::string(kSecret)}, TestNotice(), options);
}

TEST(Webhook, CarriesTheNoticeAndASignatureThatOpensslAgreesWith) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  const auto delivered = Try(server.Url("/hook?x=1"));
  ASSERT_TRUE(delivered) << delivered.error().message;
  const io::TestHttpRequest seen = server.requests().All().at(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/hook?x=1");
  EXPECT_EQ(seen.headers.at("content-type"), "application/json");
  EXPECT_EQ(seen.headers.at("idempotency-key"), "failed-1");
  EXPECT_EQ(seen.headers.at("webhook-id"), "failed-1");
  EXPECT_EQ(seen.headers.at("webhook-timestamp"), "1564642805");
  EXPECT_EQ(seen.headers.at("webhook-signature"),
            SignatureByOpenssl(kSecretHex, "failed-1.1564642805." + seen.body));
  const auto json = nlohmann::json::parse(seen.body);
  EXPECT_EQ(json.size(), 9U);
  EXPECT_EQ(json.at("key"), "failed-1");
  EXPECT_EQ(json.at("at"), "2019-08-01T07:00:00.123Z");
  EXPECT_EQ(json.at("kind"), "failed");
  EXPECT_EQ(json.at("service"), "churn");
  EXPECT_EQ(json.at("action"), "training");
  EXPECT_EQ(json.at("run"), "20190801-070000-k3f9x2");
  EXPECT_EQ(json.at("data_date"), "2019-08-01");
  EXPECT_EQ(json.at("message"), "The training of churn failed: exit code 1");
  EXPECT_EQ(json.at("hint"), "busker logs 20190801-070000-k3f9x2");
}

// The same as in tests/notify_test.py, where the example of the manual checks it.
TEST(Webhook, SignsAsTheManualsExampleChecks) {
  EXPECT_EQ(*Sign(kSecret, "failed-1", "1564642805", R"({"key":"failed-1"})"),
            "v1,6XmANpGkhxjb1soouDigKhdjokcwTs5g8b2EfDbNBto=");
}

TEST(Webhook, ASecretThatIsNoBase64IsUsedAsItStands) {
  EXPECT_EQ(*Sign("abc", "a", "1", "{}"), SignatureByOpenssl("616263", "a.1.{}"));
  EXPECT_EQ(*Sign("whsec_YQ==", "a", "1", "{}"), SignatureByOpenssl("61", "a.1.{}"));
  EXPECT_EQ(*Sign("whsec_YWI=", "a", "1", "{}"), SignatureByOpenssl("6162", "a.1.{}"));
  for (const std::string secret :
       {"whsec_", "whsec_abc", "whsec_a b c d e", "whsec_====", "whsec_ab=c", "whsec_ab\ncdef "}) {
    EXPECT_FALSE(Sign(secret, "a", "1", "{}")) << secret;
  }
}

TEST(Webhook, WithoutASecretIsNotSigned) {
  io::TestHttpServer server(io::TestAnswer("204 No Content"));
  ASSERT_TRUE(DeliverOnce(Webhook{server.Url(), ""}, TestNotice(), TestOptions()));
  EXPECT_FALSE(server.requests().All().at(0).headers.contains("webhook-signature"));
}

TEST(Webhook, ARedeliveryHasTheSameKeyAndBodyAndASignatureOfItsOwnTime) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  SendOptions options = TestOptions();
  ASSERT_TRUE(Try(server.Url(), options));
  options.now += 1h;
  ASSERT_TRUE(Try(server.Url(), options));
  const auto seen = server.requests().All();
  EXPECT_EQ(seen[0].headers.at("idempotency-key"), seen[1].headers.at("idempotency-key"));
  EXPECT_EQ(seen[0].headers.at("webhook-id"), seen[1].headers.at("webhook-id"));
  EXPECT_EQ(seen[0].body, seen[1].body);
  EXPECT_NE(seen[0].headers.at("webhook-timestamp"), seen[1].headers.at("webhook-timestamp"));
  EXPECT_NE(seen[0].headers.at("webhook-signature"), seen[1].headers.at("webhook-signature"));
}

TEST(Webhook, AnyAnswerButSuccessAndGoneIsToBeTriedAgain) {
  for (const std::string status :
       {"400 Bad", "401 Who", "404 None", "429 Slow", "500 Oops", "503 Later"}) {
    io::TestHttpServer server(io::TestAnswer(status));
    const auto delivered = Try(server.Url());
    ASSERT_FALSE(delivered) << status;
    EXPECT_TRUE(MayTryAgain(delivered.error()));
    EXPECT_NE(delivered.error().message.find(status.substr(0, 3)), std::string::npos);
  }
}

TEST(Webhook, GoneIsForGood) {
  io::TestHttpServer server(io::TestAnswer("410 Gone"));
  const auto delivered = Try(server.Url());
  ASSERT_FALSE(delivered);
  EXPECT_FALSE(MayTryAgain(delivered.error()));
}

TEST(Webhook, FollowsNoRedirect) {
  io::TestHttpServer target(io::TestAnswer("200 OK"));
  for (const std::string status : {"301 Moved", "302 Found", "307 There", "308 There"}) {
    io::TestHttpServer server(io::TestAnswer(status, "Location: " + target.Url() + "\r\n"));
    const auto delivered = Try(server.Url());
    ASSERT_FALSE(delivered) << status;
    EXPECT_TRUE(MayTryAgain(delivered.error()));
    EXPECT_NE(delivered.error().message.find("redirect"), std::string::npos);
  }
  EXPECT_TRUE(target.requests().All().empty());
}

TEST(Webhook, AServerThatHangsIsLeftWithinTheLimit) {
  io::TestHttpServer server("hang");
  SendOptions options = TestOptions();
  options.exchange_limit = 300ms;
  const auto begin = Clock::now();
  const auto delivered = Try(server.Url(), options);
  ASSERT_FALSE(delivered);
  EXPECT_EQ(delivered.error().kind, ErrorKind::kTimedOut);
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(Webhook, AnAnswerWithAnEndlessBodyIsDeliveredAndNotShown) {
  io::TestHttpServer good("HTTP/1.1 200 OK\r\n\r\n" + std::string(5'000'000, 'S'));
  EXPECT_TRUE(Try(good.Url()));
  io::TestHttpServer bad("HTTP/1.1 500 SSSS\r\nX: SSSS\r\n\r\nSSSS");
  const auto delivered = Try(bad.Url("/SSSS"));
  ASSERT_FALSE(delivered);
  EXPECT_EQ(delivered.error().message.find("SSSS"), std::string::npos);
}

TEST(Webhook, LinkLocalAddressesAreRefusedForGood) {
  const auto delivered = Try("http://169.254.169.254/computeMetadata/v1/");
  ASSERT_FALSE(delivered);
  EXPECT_FALSE(MayTryAgain(delivered.error())) << delivered.error().message;
}

TEST(Webhook, AKeyThatCouldEndAHeaderOrBlurTheSignatureIsRefused) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  for (const std::string key : {"", "a.b", "a b", "a\r\nX: y", "\xC3\xA4"}) {
    const auto delivered = DeliverOnce(Webhook{server.Url(), ""}, TestNotice(key), TestOptions());
    ASSERT_FALSE(delivered) << key;
    EXPECT_FALSE(MayTryAgain(delivered.error()));
  }
  EXPECT_TRUE(server.requests().All().empty());
}

TEST(Webhook, FieldsThatAreNotUtf8OrHoldLineEndsStayJsonOnOneLine) {
  Notice notice = TestNotice();
  notice.message = "a\xFF\n\"b\" \xC3\xA4\r\n";
  const std::string text = ToJson(notice);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("message"), "a\xEF\xBF\xBD\n\"b\" \xC3\xA4\r\n");
}

TEST(NoticeKey, IsAFunctionOfItsPartsAndNeverTheSameForOthers) {
  EXPECT_EQ(MakeKey({"failed", "churn", "run"}), MakeKey({"failed", "churn", "run"}));
  EXPECT_NE(MakeKey({"failed", "ab", "c"}), MakeKey({"failed", "a", "bc"}));
  EXPECT_TRUE(MakeKey({"never-started", "a.b"}).starts_with("never-started-"));
  EXPECT_TRUE(IsKey(MakeKey({"a b\r\n", "c"})));
  EXPECT_TRUE(IsKey(MakeKey({})));
}

TEST(Channel, IsCheckedBeforeItIsUsed) {
  const auto fine = [](const Channel& channel) { return CheckChannel(channel).has_value(); };
  EXPECT_TRUE(fine(Webhook{"https://example.com/x", std::string(kSecret)}));
  EXPECT_FALSE(fine(Webhook{"ftp://example.com/x", ""}));
  EXPECT_FALSE(fine(Webhook{"https://example.com/x", "whsec_!"}));
  EXPECT_FALSE(fine(CommandChannel{}));
  Mail mail{"smtp://mail.example.com:587", "u", "p", "b@example.com", {"a@b.c"}, true};
  EXPECT_TRUE(fine(mail));
  mail.starttls = false;
  EXPECT_FALSE(fine(mail)) << "a password in the clear";
  mail.url = "smtp://127.0.0.1:25";
  EXPECT_TRUE(fine(mail));
  mail.to = {"nobody"};
  EXPECT_FALSE(fine(mail));
}

TEST(Channel, SaysWhoReceivesWithoutTheSecrets) {
  EXPECT_EQ(Describe(Webhook{"https://u:p@example.com:1/T0KEN", "x"}), "https://example.com:1");
  EXPECT_EQ(Describe(CommandChannel{{"notify-me", "--token", "x"}, {}}), "the command notify-me");
}

TEST(Secret, IsReadFromAFileWithoutItsLineEnd) {
  const io::TestFolder folder;
  EXPECT_EQ(*ReadSecret(folder.Write("a", "word \r\n")), "word ");
  EXPECT_FALSE(ReadSecret(folder.Write("b", "\n")));
  EXPECT_EQ(ReadSecret(folder / "none").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace busker::notify
