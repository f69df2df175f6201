#include "service/daemon_setting.h"

#include <gtest/gtest.h>

#include <chrono>

#include "service/test_folder.h"

namespace busker::service {
namespace {

Result<DaemonSettings> Load(const std::string& text) {
  TestFolder folder;
  folder.Write("daemon.toml", text);
  return LoadDaemonSettings(folder.root() + "/daemon.toml");
}

std::string FaultIn(const std::string& text) {
  const auto settings = Load(text);
  if (settings) return "";
  return settings.error().message.substr(settings.error().message.find("daemon.toml:"));
}

TEST(DaemonSettings, AreTheDefaultsWithoutAFile) {
  const auto settings = LoadDaemonSettings("/nowhere/daemon.toml");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->slots, 0);
  EXPECT_TRUE(settings->pools.empty());
  EXPECT_FALSE(settings->smtp || settings->heartbeat);
  EXPECT_TRUE(settings->notify.empty());
  EXPECT_TRUE(Load(""));
}

TEST(DaemonSettings, TakeAllThatTheFileMaySay) {
  TestFolder folder;
  folder.Write("daemon.toml", R"(slots = 8
cpus = 3.5
memory = "16GiB"
[pools]
warehouse = 2
gpu = 1
[smtp]
url = "smtp://mail.example.com:587"
from = "busker@example.com"
user = "busker"
password_file = "secrets/smtp"
starttls = false
[heartbeat]
url = "https://example.com/ping"
every = "5m"
[notify]
email = "ops@example.com"
on = "failed"
)");
  const auto settings = LoadDaemonSettings(folder.root() + "/daemon.toml");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->slots, 8);
  EXPECT_EQ(settings->cpus_milli, 3500);
  EXPECT_EQ(settings->memory_bytes, 16ULL << 30);
  EXPECT_EQ(settings->pools, (std::map<std::string, int>{{"gpu", 1}, {"warehouse", 2}}));
  EXPECT_EQ(settings->smtp->url, "smtp://mail.example.com:587");
  EXPECT_EQ(settings->smtp->password_file, folder.root() + "/secrets/smtp");
  EXPECT_FALSE(settings->smtp->starttls);
  EXPECT_EQ(settings->heartbeat->every, std::chrono::minutes(5));
  EXPECT_EQ(settings->notify.on, std::vector<std::string>{"failed"});
}

TEST(DaemonSettings, LetOthersInByTlsAloneOrKnowingly) {
  const std::string tls = "certificate = \"c.pem\"\nkey = \"k.pem\"\n";
  const std::string names = "names = [\"https://busker.example.com\"]\n";
  const auto kind = [](const std::string& http) -> std::optional<ErrorKind> {
    const auto settings = Load("[http]\n" + http);
    return settings ? std::nullopt : std::optional(settings.error().kind);
  };
  for (const char* const address :
       {"0.0.0.0", "[::]", "10.0.0.1", "[2001:db8::1]", "126.0.0.1", "128.0.0.1"}) {
    const std::string listen = std::string("listen = \"") + address + ":8443\"\n";
    EXPECT_EQ(kind(listen), ErrorKind::kUnusable) << address;
    EXPECT_EQ(kind(listen + names), ErrorKind::kUnusable) << address;
    EXPECT_EQ(kind(listen + names + "insecure_i_know = false\n"), ErrorKind::kUnusable) << address;
    EXPECT_EQ(kind(listen + names + tls), std::nullopt) << address;
    EXPECT_EQ(kind(listen + names + "insecure_i_know = true\n"), std::nullopt) << address;
  }
  EXPECT_EQ(kind("listen = \"0.0.0.0:8443\"\n" + tls), ErrorKind::kUnusable)
      << "nobody could call it";
  EXPECT_EQ(kind("listen = \"10.0.0.1:8443\"\n" + tls), std::nullopt);
  for (const char* const address : {"127.0.0.1", "127.1.2.3", "[::1]"}) {
    EXPECT_EQ(kind(std::string("listen = \"") + address + ":8443\"\n"), std::nullopt) << address;
  }
  EXPECT_EQ(kind("listen = \"off\"\n"), std::nullopt);
  EXPECT_EQ(Load("[http]\nlisten = \"[0:0::0:1]:80\"\n")->http.address, "::1");
  const auto settings = Load("[http]\nlisten = \"0.0.0.0:8443\"\n" + names + tls);
  EXPECT_TRUE(settings->http.certificate.ends_with("/c.pem")) << settings->http.certificate;
  EXPECT_EQ(settings->http.certificate.front(), '/');
  EXPECT_TRUE(settings->http.key.ends_with("/k.pem")) << settings->http.key;
  EXPECT_EQ(settings->http.key.front(), '/') << "the daemon may be started anywhere";
  EXPECT_EQ(
      FaultIn("[http]\nlisten = \"0.0.0.0:80\"\n"),
      "daemon.toml:2:10: 0.0.0.0 can be reached by others, who could read along without TLS: give "
      "[http] a \"certificate\" and a \"key\", or listen on 127.0.0.1 with a proxy before it");
  EXPECT_EQ(FaultIn("[http]\ncertificate = \"c.pem\"\n"),
            "daemon.toml:2:1: \"certificate\" in [http] means nothing without \"key\"");
  EXPECT_EQ(FaultIn("[http]\nkey = \"k.pem\"\n"),
            "daemon.toml:2:1: \"key\" in [http] means nothing without \"certificate\"");
  EXPECT_EQ(FaultIn("[http]\n" + tls + "names = [\"http://a\"]\n"),
            "daemon.toml:4:9: \"names\" in [http] must be https:// addresses, since there is a "
            "certificate");
  for (const char* const listen :
       {"localhost:80", "::1:80", "127.0.0.1", "1.2.3:80", "127.0.0.1:0", ":80"}) {
    EXPECT_NE(FaultIn(std::string("[http]\nlisten = \"") + listen + "\"\n"), "") << listen;
  }
}

TEST(DaemonSettings, SayWhatIsWrongAndWhere) {
  EXPECT_EQ(FaultIn("slot = 1\n"),
            "daemon.toml:1:1: unknown key \"slot\" at the top level, did you mean \"slots\"?");
  EXPECT_EQ(FaultIn("slots = 0\n"),
            "daemon.toml:1:9: \"slots\" must be an integer from 1 to 10000, such as 4, not the "
            "integer 0");
  EXPECT_EQ(
      FaultIn("[pools]\nwarehouse = 0\n"),
      "daemon.toml:2:13: \"warehouse\" in [pools] must be an integer from 1 to 10000, not the "
      "integer 0");
  EXPECT_EQ(FaultIn("[pools]\nWarehouse = 1\n").substr(0, 47),
            "daemon.toml:2:1: \"Warehouse\" cannot be the name");
  EXPECT_EQ(FaultIn("[smtp]\nurl = \"smtp://x\"\n"),
            "daemon.toml:1:2: [smtp] needs the key \"from\"");
  EXPECT_EQ(FaultIn("[smtp]\nurl = \"mail.example.com\"\nfrom = \"a@b\"\n"),
            "daemon.toml:2:7: \"url\" in [smtp]: \"mail.example.com\" is not an address such as "
            "smtp://HOST");
  EXPECT_EQ(FaultIn("[smtp]\nurl = \"smtp://x\"\nfrom = \"a@b\"\nuser = \"u\"\n"),
            "daemon.toml:4:1: \"user\" in [smtp] means nothing without \"password_file\"");
  EXPECT_EQ(FaultIn("[smtp]\nurl = \"smtp://x\"\nfrom = \"a@b\"\npassword_file = \"p\"\n"),
            "daemon.toml:4:1: \"password_file\" in [smtp] means nothing without \"user\"");
  EXPECT_EQ(FaultIn("[smtp]\nurl = \"smtp://x\"\nfrom = [\"a@b\", \"c@d\"]\n"),
            "daemon.toml:3:8: \"from\" in [smtp] must be one address, such as "
            "\"busker@example.com\", not an array");
  for (const std::string name : {"https://a.example.com/busker", "a.example.com", "ftp://a"}) {
    EXPECT_NE(FaultIn("[http]\nnames = [\"" + name + "\"]\n").find("addresses without a path"),
              std::string::npos)
        << name;
  }
  EXPECT_EQ(FaultIn("[heartbeat]\nurl = \"https://x\"\nevery = \"10ms\"\n"),
            "daemon.toml:3:9: \"every\" in [heartbeat] must be at least 1s");
  EXPECT_EQ(FaultIn("[notify]\nemail = \"a@b\"\n"),
            "daemon.toml:2:1: \"email\" in [notify] needs [smtp], the mail server");
  EXPECT_EQ(FaultIn("notify = 1\n").substr(0, 32), "daemon.toml:1:10: \"notify\" must ");
  EXPECT_NE(FaultIn("slots = \n").find("daemon.toml:1:"), std::string::npos);
}

TEST(DaemonSettings, TheServerOfPredictionsIsOnWhereItHasATable) {
  EXPECT_FALSE(Load("slots = 2\n")->serving.on);
  const auto serving = Load(
                           "[serving]\nlisten = \"127.0.0.2:9000\"\nthreads = 3\nrows_max = "
                           "50\nbody_max = \"1MiB\"\n")
                           ->serving;
  EXPECT_TRUE(serving.on);
  EXPECT_EQ(serving.address, "127.0.0.2");
  EXPECT_EQ(serving.port, 9000);
  EXPECT_EQ(serving.threads, 3);
  EXPECT_EQ(serving.rows_max, 50U);
  EXPECT_EQ(serving.body_bytes_max, 1U << 20);
  EXPECT_FALSE(Load("[serving]\nlisten = \"off\"\n")->serving.on);
  EXPECT_EQ(FaultIn("[serving]\nlisten = \"0.0.0.0:9000\"\n"),
            "daemon.toml:2:10: 0.0.0.0 can be reached by others, who could read along without TLS: "
            "give [serving] a \"certificate\" and a \"key\", or listen on 127.0.0.1");
  EXPECT_NE(FaultIn("[serving]\nlisten = \"127.0.0.1:9000\"\nbody_max = \"1B\"\n"), "");
}

}  // namespace
}  // namespace busker::service
