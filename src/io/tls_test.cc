// The clients against a server with a certificate of its own making: whom they trust.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <atomic>
#include <memory>

#include "io/http_session.h"
#include "io/mail_client.h"
#include "io/subprocess.h"
#include "io/test_folder.h"
#include "io/test_server.h"
#include "io/url.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;

// A certificate for `name` ("IP:127.0.0.1"), that nobody signed but itself.
struct Certificate {
  Certificate(const TestFolder& folder, const std::string& name)
      : certificate((folder / "cert.pem").string()), key((folder / "key.pem").string()) {
    const Command command{{"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                           "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test", "-addext",
                           "subjectAltName=" + name, "-keyout", key, "-out", certificate},
                          OwnEnvironment(),
                          {}};
    const auto made = RunAndCapture(command, 30s);
    CHECK(made && made->exit_code == 0, "a test can make a certificate");
  }
  const std::string certificate, key;
};

// Answers 200 to whoever completes the handshake, and one request per connection.
class TlsServer {
 public:
  explicit TlsServer(const Certificate& files)
      : context_(SSL_CTX_new(TLS_server_method())),
        server_(std::make_unique<TestServer>(
            [this](TestConnection& connection) { Serve(connection); })) {
    signal(SIGPIPE, SIG_IGN);  // a client that does not like the certificate hangs up on our answer
    CHECK(SSL_CTX_use_certificate_file(context_, files.certificate.c_str(), SSL_FILETYPE_PEM) == 1,
          "a test can use its certificate");
    CHECK(SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) == 1,
          "a test can use its key");
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer() {
    server_.reset();  // its threads use the context
    SSL_CTX_free(context_);
  }
  std::string Place() const { return server_->Place(); }
  int handshakes() const { return handshakes_; }

 private:
  void Serve(const TestConnection& connection) {
    SSL* const tls = SSL_new(context_);
    SSL_set_fd(tls, connection.fd());
    char request[4096];
    if (SSL_accept(tls) == 1 && SSL_read(tls, request, sizeof request) > 0) {
      ++handshakes_;
      const std::string answer = TestAnswer("200 OK");
      SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
      SSL_shutdown(tls);
    }
    SSL_free(tls);
  }

  SSL_CTX* const context_;
  std::atomic<int> handshakes_ = 0;
  std::unique_ptr<TestServer> server_;
};

Result<HttpResponse> Call(const std::string& url, const std::string& ca_file) {
  setenv("no_proxy", "*", 1);
  HttpSession session({.ca_file = ca_file});
  HttpRequest request;
  request.url = url;
  return session.Send(request, Within(10s));
}

TEST(Tls, ACertificateIsTrustedWhenItIsNamedAndFitsTheHost) {
  const TestFolder folder;
  const Certificate certificate(folder, "IP:127.0.0.1");
  const TlsServer server(certificate);
  const auto response = Call("https://" + server.Place() + "/", certificate.certificate);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
}

// Of several certificates beside the system's only the last was trusted, and the system's were not.
TEST(Tls, CertificatesAreTrustedBesideOthers) {
  const TestFolder one, two, three;
  const Certificate first(one, "IP:127.0.0.1"), second(two, "IP:127.0.0.1");
  const Certificate third(three, "IP:127.0.0.1");
  setenv("no_proxy", "*", 1);
  HttpSession session(
      {.ca_file = first.certificate, .more_ca_files = {second.certificate, third.certificate}});
  for (const Certificate* const each : {&first, &second, &third}) {
    const TlsServer server(*each);
    HttpRequest request;
    request.url = "https://" + server.Place() + "/";
    const auto response = session.Send(request, Within(10s));
    EXPECT_TRUE(response) << response.error().message;
  }
}

TEST(Tls, ACertificateThatNobodyKnowsIsRefusedBeforeAnythingIsSent) {
  const TestFolder folder;
  const TlsServer server(Certificate(folder, "IP:127.0.0.1"));
  const auto response = Call("https://" + server.Place() + "/", "");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kFailed) << response.error().message;
  EXPECT_EQ(server.handshakes(), 0);
}

TEST(Tls, ACertificateForAnotherHostIsRefused) {
  const TestFolder folder;
  const Certificate certificate(folder, "DNS:example.com,IP:127.0.0.2");
  const TlsServer server(certificate);
  const auto response = Call("https://" + server.Place() + "/", certificate.certificate);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kFailed) << response.error().message;
  EXPECT_EQ(server.handshakes(), 0);
}

TEST(Tls, AServerThatTalksInTheClearIsNotTalkedToByHttps) {
  TestHttpServer server(TestAnswer("200 OK"));
  EXPECT_FALSE(Call("https" + server.Url().substr(4), ""));
}

MailRequest MailTo(const std::string& url, MailTls tls) {
  MailRequest request;
  request.url = url;
  request.tls = tls;
  request.from = "busker@example.com";
  request.to = {"ops@example.com"};
  request.message = "Subject: x\r\n\r\nx\r\n";
  request.connect_limit = 5s;
  request.limit = 10s;
  return request;
}

bool IsMailCommand(const std::string& line) {
  return line.starts_with("MAIL") || line.starts_with("AUTH") || line.starts_with("DATA");
}

TEST(MailTls, WithoutStarttlsNothingIsSentToAServerThatMustHaveIt) {
  TestSmtpServer server({.offer_login = true});
  MailRequest request = MailTo(server.Url(), MailTls::kRequired);
  request.user = "user";
  request.password = "word";
  ASSERT_FALSE(SendMail(request));
  for (const std::string& line : server.commands().All()) EXPECT_FALSE(IsMailCommand(line)) << line;
}

TEST(MailTls, ASmtpsServerIsVerified) {
  const TestFolder folder;
  const TlsServer server(Certificate(folder, "IP:127.0.0.1"));
  const auto sent = SendMail(MailTo("smtps://" + server.Place(), MailTls::kOff));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::kFailed) << sent.error().message;
  EXPECT_EQ(server.handshakes(), 0);
}

// A mail server that speaks TLS once it was asked to; `behind` goes along with its reply to that.
class StarttlsServer {
 public:
  StarttlsServer(const Certificate& files, std::string behind)
      : context_(SSL_CTX_new(TLS_server_method())), behind_(std::move(behind)) {
    signal(SIGPIPE, SIG_IGN);
    CHECK(
        SSL_CTX_use_certificate_file(context_, files.certificate.c_str(), SSL_FILETYPE_PEM) == 1 &&
            SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM) == 1,
        "a test can use its certificate");
    server_ =
        std::make_unique<TestServer>([this](TestConnection& connection) { Serve(connection); });
  }
  StarttlsServer(const StarttlsServer&) = delete;
  StarttlsServer& operator=(const StarttlsServer&) = delete;
  ~StarttlsServer() {
    server_.reset();
    SSL_CTX_free(context_);
  }
  std::string Url() const { return "smtp://" + server_->Place(); }
  TestJournal<std::string>& lines() { return lines_; }  // that came by TLS

 private:
  void Serve(TestConnection& connection) {
    connection.Write("220 test\r\n");
    connection.ReadLine();
    connection.Write("250-test\r\n250 STARTTLS\r\n");
    if (connection.ReadLine() != "STARTTLS") return;
    connection.Write("220 go\r\n" + behind_);
    SSL* const tls = SSL_new(context_);
    SSL_set_fd(tls, connection.fd());
    if (SSL_accept(tls) == 1) Talk(tls);
    SSL_free(tls);
  }

  void Talk(SSL* tls) {
    std::string text;
    char byte = 0;
    bool in_message = false;
    while (SSL_read(tls, &byte, 1) == 1) {
      text += byte;
      if (!text.ends_with("\r\n")) continue;
      const std::string line = text.substr(0, text.size() - 2);
      text.clear();
      lines_.Add(line);
      std::string reply = "250 fine\r\n";
      if (line.starts_with("EHLO")) reply = "250-test\r\n250 AUTH LOGIN XYZ\r\n";
      if (line == "AUTH LOGIN" || line == Base64Of("user")) reply = "334 VXNlcg==\r\n";
      if (line == Base64Of("word")) reply = "235 welcome\r\n";
      if (line == "DATA") reply = "354 go on\r\n";
      if (!in_message || line == ".") SSL_write(tls, reply.data(), static_cast<int>(reply.size()));
      in_message = line != "." && (in_message || line == "DATA");
    }
  }

  SSL_CTX* const context_;
  const std::string behind_;
  TestJournal<std::string> lines_;
  std::unique_ptr<TestServer> server_;
};

TEST(MailTls, EverythingGoesByTlsOnceTheServerHasStartedIt) {
  const TestFolder folder;
  const Certificate certificate(folder, "IP:127.0.0.1");
  StarttlsServer server(certificate, "");
  MailRequest request = MailTo(server.Url(), MailTls::kRequired);
  request.ca_file = certificate.certificate;
  request.user = "user";
  request.password = "word";
  request.message = "Subject: x\r\n\r\n.a\n.\r\nlast";
  const auto sent = SendMail(request);
  ASSERT_TRUE(sent) << sent.error().message;
  ASSERT_TRUE(server.lines().WaitFor(13));
  std::vector<std::string> lines = server.lines().All();
  EXPECT_TRUE(lines[0].starts_with("EHLO ")) << lines[0];
  lines.erase(lines.begin());
  lines.resize(12);
  EXPECT_EQ(lines,
            (std::vector<std::string>{"AUTH LOGIN", Base64Of("user"), Base64Of("word"),
                                      "MAIL FROM:<busker@example.com>", "RCPT TO:<ops@example.com>",
                                      "DATA", "Subject: x", "", "..a", "..", "last", "."}));
}

TEST(MailTls, AServerThatNobodyKnowsGetsNothing) {
  const TestFolder folder;
  StarttlsServer server(Certificate(folder, "IP:127.0.0.1"), "");
  const auto sent = SendMail(MailTo(server.Url(), MailTls::kRequired));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::kFailed) << sent.error().message;
  EXPECT_TRUE(server.lines().All().empty());
}

// What somebody in between put behind the reply would have been read as the server's, by TLS.
TEST(MailTls, WhatComesAlongWithTheReplyToStarttlsEndsIt) {
  const TestFolder folder;
  const Certificate certificate(folder, "IP:127.0.0.1");
  StarttlsServer server(certificate, "250 AUTH PLAIN\r\n");
  MailRequest request = MailTo(server.Url(), MailTls::kRequired);
  request.ca_file = certificate.certificate;
  const auto sent = SendMail(request);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(server.lines().All().empty());
}

TEST(MailTls, AReplyIsToldAndAPasswordIsNot) {
  TestServer server([](TestConnection& connection) {
    connection.Write("220 test\r\n");
    connection.ReadLine();
    connection.Write("250-test\r\n250 AUTH PLAIN\r\n");
    connection.ReadLine();
    connection.Write("535 5.7.8 who\x1b[31m are you\r\n");
    connection.Hang();
  });
  MailRequest request = MailTo("smtp://" + server.Place(), MailTls::kOff);
  request.user = "user";
  request.password = "word";
  const auto sent = SendMail(request);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::kFailed);
  EXPECT_EQ(
      sent.error().message,
      "smtp://" + server.Place() + ": AUTH PLAIN was answered with 535 5.7.8 who\\x1b[31m are you");
}

TEST(MailTls, AServerThatDripsOrTalksOnIsLeft) {
  for (const bool endless : {false, true}) {
    TestServer server([&](TestConnection& connection) {
      const std::string part = endless ? std::string(65536, 'x') : "220-\r\n";
      while (send(connection.fd(), part.data(), part.size(), MSG_NOSIGNAL) > 0) {
      }
    });
    MailRequest request = MailTo("smtp://" + server.Place(), MailTls::kOff);
    request.limit = 20s;
    const auto sent = SendMail(request);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().kind, ErrorKind::kTemporary) << sent.error().message;
  }
}

TEST(MailTls, AServerOnThisMachineIsTalkedToInTheClear) {
  TestSmtpServer server({.offer_starttls = true});
  EXPECT_TRUE(SendMail(MailTo(server.Url(), MailTls::kRequiredUnlessLoopback)));
  EXPECT_EQ(server.mails().All().size(), 1U);
}

TEST(MailTls, APasswordIsNotSentInTheClearToAnotherMachine) {
  MailRequest request = MailTo("smtp://192.0.2.1:25", MailTls::kOff);
  request.user = "user";
  request.password = "word";
  const auto sent = SendMail(request);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::kInvalid) << sent.error().message;
}

TEST(MailTls, AMailServerAtALinkLocalAddressIsRefused) {
  const auto sent = SendMail(MailTo("smtp://169.254.1.1:25", MailTls::kRequired));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::kInvalid) << sent.error().message;
}

}  // namespace
}  // namespace busker::io
