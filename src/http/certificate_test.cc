// The certificate's files: which are refused, and how a renewed one comes into use.
#include "http/certificate.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "io/subprocess.h"
#include "io/test_folder.h"

namespace busker::http {
namespace {

using std::chrono::milliseconds;

class CertificateTest : public testing::Test {
 protected:
  CertificateTest() { Make("one"); }

  // Writes NAME.pem and NAME.key: a certificate for the subject NAME, for a week.
  void Make(const std::string& name) const {
    const io::Command command{
        {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "7", "-subj", "/CN=" + name, "-keyout", (folder_ / (name + ".key")),
         "-out", (folder_ / (name + ".pem"))},
        io::OwnEnvironment(),
        {}};
    const auto made = io::RunAndCapture(command, std::chrono::seconds(30));
    ASSERT_TRUE(made && made->exit_code == 0);
    chmod((folder_ / (name + ".key")).c_str(), 0600);
  }
  // Puts the files of `name` in the place of those that are used, as a renewal does.
  void Use(const std::string& name) const {
    folder_.Write("used.pem", folder_.Read(name + ".pem"));
    folder_.Write("used.key", folder_.Read(name + ".key"));
    chmod((folder_ / "used.key").c_str(), 0600);
  }
  Result<std::unique_ptr<Certificate>> Load(const std::string& certificate,
                                            const std::string& key) {
    return Certificate::Load(
        {folder_ / certificate, folder_ / key},
        [this](const std::string& line) { said_.push_back(line); }, now_);
  }
  // The subject of the certificate that the next connection is shown, a while later.
  std::string Shown(Certificate& certificate, milliseconds later = milliseconds(1001)) {
    now_ += later;
    SSL* const session = certificate.NewSession(now_);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get_certificate(session)), NID_commonName,
                              name, sizeof name);
    SSL_free(session);
    return name;
  }
  std::string WhyNot(const std::string& certificate, const std::string& key) {
    const auto loaded = Load(certificate, key);
    if (loaded) return "";
    EXPECT_EQ(loaded.error().kind, ErrorKind::kUnusable);
    return loaded.error().message;
  }

  io::TestFolder folder_;
  Instant now_ = Now();
  std::vector<std::string> said_;
};

TEST_F(CertificateTest, IsRefusedWithItsKeyWhenEitherCannotBeUsed) {
  Make("two");
  folder_.Write("text", "no certificate");
  chmod((folder_ / "text").c_str(), 0600);
  EXPECT_EQ(WhyNot("one.pem", "one.key"), "");
  EXPECT_NE(WhyNot("none", "one.key").find("[http] certificate: "), std::string::npos);
  EXPECT_NE(WhyNot("text", "one.key").find("[http] certificate: "), std::string::npos);
  EXPECT_NE(WhyNot("one.pem", "none").find("No such file"), std::string::npos);
  EXPECT_NE(WhyNot("one.pem", "text").find("[http] key: "), std::string::npos);
  EXPECT_NE(WhyNot("one.pem", "two.key").find("key values mismatch"), std::string::npos);
  EXPECT_NE(WhyNot("one.key", "one.key").find("[http] certificate: "), std::string::npos);
}

TEST_F(CertificateTest, IsRefusedWithAKeyThatOthersMayRead) {
  for (const auto& [mode, refused] : std::initializer_list<std::pair<mode_t, bool>>{
           {0600, false}, {0400, false}, {0640, false}, {0644, true}, {0660, true}, {0602, true}}) {
    chmod((folder_ / "one.key").c_str(), mode);
    EXPECT_EQ(WhyNot("one.pem", "one.key").find("others may read or write") != std::string::npos,
              refused)
        << std::oct << mode;
  }
}

TEST_F(CertificateTest, IsRefusedWithAKeyThatHasAPassword) {
  const io::Command command{{"openssl", "ec", "-in", folder_ / "one.key", "-aes256", "-passout",
                             "pass:secret", "-out", folder_ / "locked.key"},
                            io::OwnEnvironment(),
                            {}};
  const auto made = io::RunAndCapture(command, std::chrono::seconds(30));
  ASSERT_TRUE(made && made->exit_code == 0);
  chmod((folder_ / "locked.key").c_str(), 0600);
  EXPECT_NE(WhyNot("one.pem", "locked.key").find("[http] key: "), std::string::npos);
}

TEST_F(CertificateTest, IsLookedAtAgainASecondLater) {
  Use("one");
  auto certificate = Load("used.pem", "used.key").value();
  EXPECT_EQ(Shown(*certificate), "one");
  Make("two");
  Use("two");
  EXPECT_EQ(Shown(*certificate, milliseconds(500)), "one");
  EXPECT_EQ(Shown(*certificate, milliseconds(501)), "two");
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find("a new certificate is used"), std::string::npos) << said_[0];
}

TEST_F(CertificateTest, ThatCannotBeUsedLeavesTheOldOneAndIsToldOnce) {
  Use("one");
  auto certificate = Load("used.pem", "used.key").value();
  folder_.Write("used.pem", "half of a certif");
  EXPECT_EQ(Shown(*certificate), "one");
  EXPECT_EQ(Shown(*certificate), "one");
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find("the new certificate is not used"), std::string::npos) << said_[0];
  io::fs::remove(folder_ / "used.key");
  EXPECT_EQ(Shown(*certificate), "one");
  EXPECT_EQ(said_.size(), 2u);
  Make("two");
  Use("two");
  EXPECT_EQ(Shown(*certificate), "two");
}

// A pipe in the certificate's place was waited for, and no connection was answered any more.
TEST_F(CertificateTest, ThatIsAPipeLeavesTheOldOneAndIsTold) {
  Use("one");
  auto certificate = Load("used.pem", "used.key").value();
  for (const char* const name : {"used.pem", "used.key"}) {
    io::fs::remove(folder_ / name);
    ASSERT_EQ(mkfifo((folder_ / name).c_str(), 0600), 0);
    said_.clear();
    EXPECT_EQ(Shown(*certificate), "one");
    ASSERT_EQ(said_.size(), 1u);
    EXPECT_NE(said_[0].find("the new certificate is not used"), std::string::npos) << said_[0];
    io::fs::remove(folder_ / name);
    Use("one");
  }
}

TEST_F(CertificateTest, ThatIsOverIsToldOf) {
  now_ += std::chrono::hours(24 * 8);
  ASSERT_TRUE(Load("one.pem", "one.key"));
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_NE(said_[0].find("has not been valid since"), std::string::npos) << said_[0];
}

}  // namespace
}  // namespace busker::http
