#include "io/http_session.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <future>

#include "io/test_disk.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

HttpRequest To(std::string url) {
  // A test talks to this machine whatever proxy its environment names.
  setenv("no_proxy", "*", 1);
  HttpRequest request;
  request.url = std::move(url);
  request.connect_limit = 5s;
  return request;
}

Result<HttpResponse> Send(const HttpRequest& request, Milliseconds limit = 10s,
                          const std::stop_token& stop = {}) {
  HttpSession session;
  return session.Send(request, Within(limit, stop));
}

TEST(HttpSession, SendsMethodHeadersAndBodyAndReadsTheAnswer) {
  TestHttpServer server(
      "HTTP/1.1 201 Created\r\nX-Answer:  yes \r\nContent-Length: 5\r\n\r\nhello");
  HttpRequest request = To(server.Url("/a?b=c"));
  request.method = "PUT";
  request.headers = {{"X-One", "1"}, {"Content-Type", "text/plain"}, {"X-Empty", ""}};
  request.body = std::string("bo\0dy", 5);
  const auto response = Send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->Header("x-answer"), "yes");
  EXPECT_FALSE(response->cut);
  const TestHttpRequest seen = server.requests().All().at(0);
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.target, "/a?b=c");
  EXPECT_EQ(seen.body, request.body);
  EXPECT_EQ(seen.headers.at("x-one"), "1");
  EXPECT_EQ(seen.headers.at("x-empty"), "");
  EXPECT_EQ(seen.headers.at("content-type"), "text/plain");
  EXPECT_EQ(seen.headers.at("user-agent"), "busker");
}

TEST(HttpSession, AnAnswerIsAnAnswerWhateverItsStatus) {
  for (const std::string status : {"204 No Content", "404 Not Found", "500 Oops"}) {
    TestHttpServer server("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n");
    const auto response = Send(To(server.Url()));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, std::stoi(status));
  }
}

TEST(HttpSession, FollowsNoRedirect) {
  TestHttpServer target(TestAnswer("200 OK"));
  TestHttpServer server(TestAnswer("302 Found", "Location: " + target.Url() + "\r\n"));
  EXPECT_EQ(Send(To(server.Url()))->status, 302);
  EXPECT_TRUE(target.requests().All().empty());
}

TEST(HttpSession, ReadsNoMoreOfABodyThanItIsAskedTo) {
  TestHttpServer server("HTTP/1.1 200 OK\r\n\r\n" + std::string(3'000'000, 'x'));
  HttpRequest request = To(server.Url());
  request.response_bytes_max = 1000;
  auto response = Send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body.size(), 1000U);
  EXPECT_TRUE(response->cut);
  request.response_bytes_max = 0;
  response = Send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
}

TEST(HttpSession, EndlessHeadersAreAnError) {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  for (int line = 0; line < 2000; ++line) answer += "X-Long: " + std::string(100, 'x') + "\r\n";
  TestHttpServer server(answer + "\r\n");
  EXPECT_FALSE(Send(To(server.Url())));
}

TEST(HttpSession, AServerThatHangsTimesOutWithinTheLimit) {
  TestHttpServer server("hang");
  const auto begin = Clock::now();
  const auto response = Send(To(server.Url()), 300ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimedOut) << response.error().message;
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(HttpSession, IsStoppedAtOnce) {
  TestHttpServer server("hang");
  std::stop_source source;
  auto call = std::async(std::launch::async,
                         [&] { return Send(To(server.Url()), 60s, source.get_token()); });
  ASSERT_TRUE(server.requests().WaitFor(1));
  const auto begin = Clock::now();
  source.request_stop();
  const auto response = call.get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary);
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(HttpSession, AServerThatHangsUpOrIsNotThereIsTemporary) {
  std::string gone;
  {
    TestHttpServer server("");
    const auto response = Send(To(server.Url()));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kTemporary) << response.error().message;
    gone = server.Url();
  }
  const auto response = Send(To(gone));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary) << response.error().message;
}

TEST(HttpSession, SpeaksHttpAndNothingElse) {
  for (const std::string url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:70/",
                                "127.0.0.1", "", "http://", "http:///path", "http://127.0.0.1/a b",
                                "http://127.0.0.1/\r\nX: y", "http://a\\@127.0.0.1/"}) {
    const auto response = Send(To(url));
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().kind, ErrorKind::kInvalid) << response.error().message;
  }
}

TEST(HttpSession, ALineEndInAHeaderIsRefused) {
  TestHttpServer server(TestAnswer("200 OK"));
  for (const HttpHeader& header :
       {HttpHeader{"X", "a\r\nY: b"}, HttpHeader{"X", "a\nb"}, HttpHeader{"X\r\nY", "b"},
        HttpHeader{"X: y", "b"}, HttpHeader{"", "b"}, HttpHeader{"X", std::string("a\0b", 3)}}) {
    HttpRequest request = To(server.Url());
    request.headers = {header};
    const auto response = Send(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::kInvalid);
  }
  HttpRequest request = To(server.Url());
  request.method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET";
  EXPECT_FALSE(Send(request));
  EXPECT_TRUE(server.requests().All().empty());
}

// Whatever the spelling: the address that would be connected to is what counts.
TEST(HttpSession, LinkLocalAddressesAreRefusedHoweverTheyAreWritten) {
  for (const std::string host :
       {"169.254.169.254", "169.254.0.1:8080", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376",
        "169.254.43518", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]", "[2002:a9fe:a9fe::1]"}) {
    const auto response = Send(To("http://" + host + "/latest/meta-data"), 5s);
    ASSERT_FALSE(response) << host;
    EXPECT_EQ(response.error().kind, ErrorKind::kInvalid) << host << response.error().message;
  }
}

TEST(HttpSession, MessagesDoNotTellTheSecretPartsOfAUrl) {
  const auto response = Send(To("http://user:word@127.0.0.1:1/hooks/T0KEN?k=T0KEN"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message.find("T0KEN"), std::string::npos);
  EXPECT_EQ(response.error().message.find("word"), std::string::npos);
  EXPECT_NE(response.error().message.find("127.0.0.1:1"), std::string::npos);
}

// The C library answers when it answers: a call waited for that, however long it took.
TEST(HttpSession, ANameServerThatHangsDoesNotOutlastTheLimit) {
  const TestFolder folder;
  const fs::path settings = folder.Write("resolv.conf", "nameserver 127.0.0.1\n");
  const Descriptor silent(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(53);
  if (!OwnMounts() ||
      bind(silent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      mount(settings.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) != 0) {
    GTEST_SKIP() << "a name server of one's own needs root";
  }
  const auto begin = Clock::now();
  const auto response = Send(To("http://busker.example/"), 500ms);
  const auto took = Clock::now() - begin;
  umount2("/etc/resolv.conf", MNT_DETACH);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimedOut) << response.error().message;
  EXPECT_LT(took, 5s);
}

TEST(HttpSession, ManyThreadsCallAtOnce) {
  TestHttpServer server(TestAnswer("200 OK"));
  std::vector<std::future<int>> calls;
  for (int thread = 0; thread < 8; ++thread) {
    calls.push_back(std::async(std::launch::async, [&] {
      int good = 0;
      for (int i = 0; i < 20; ++i) {
        const auto response = Send(To(server.Url()));
        good += response && response->status == 200 ? 1 : 0;
      }
      return good;
    }));
  }
  for (auto& call : calls) EXPECT_EQ(call.get(), 20);
}

}  // namespace
}  // namespace busker::io
