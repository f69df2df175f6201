// Bodies that are not held in memory, the limits of a call, and the ways to a server.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "io/http_session.h"
#include "io/test_folder.h"
#include "io/test_server.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Clock = std::chrono::steady_clock;

HttpRequest To(std::string url) {
  setenv("no_proxy", "*", 1);
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

Result<HttpResponse> Send(const HttpRequest& request, Milliseconds limit = 20s) {
  HttpSession session;
  return session.Send(request, Within(limit));
}

std::string Noise(std::size_t count) {
  std::string text(count, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

// A source of these parts, which is not told how much they are.
HttpSource PartsOf(std::vector<std::string> parts) {
  auto left = std::make_shared<std::vector<std::string>>(std::move(parts));
  HttpSource source;
  source.read = [left](char* to, std::size_t count) -> Result<std::size_t> {
    if (left->empty()) return 0U;
    const std::size_t taken = left->front().copy(to, count);
    left->front().erase(0, taken);
    if (left->front().empty()) left->erase(left->begin());
    return taken;
  };
  return source;
}

TEST(HttpBody, AFileIsSentAsItIs) {
  const TestFolder folder;
  const std::string bytes = Noise(1'000'003);
  TestHttpServer server(TestAnswer("200 OK"));
  HttpRequest request = To(server.Url());
  request.method = "PUT";
  request.source = FileSource(folder.Write("model", bytes)).value();
  ASSERT_TRUE(Send(request));
  const TestHttpRequest seen = server.requests().All().at(0);
  EXPECT_EQ(seen.headers.at("content-length"), "1000003");
  EXPECT_TRUE(seen.body == bytes);
}

TEST(HttpBody, ARequestThatIsTriedAgainSendsItsFileFromTheStart) {
  const TestFolder folder;
  TestHttpServer server(TestAnswer("503 Later"));
  HttpRequest request = To(server.Url());
  request.method = "PUT";
  request.source = FileSource(folder.Write("model", "trees")).value();
  ASSERT_TRUE(Send(request));
  ASSERT_TRUE(Send(request));
  EXPECT_EQ(server.requests().All().at(1).body, "trees");
}

TEST(HttpBody, WhatIsOfUnknownLengthIsSentInChunks) {
  TestHttpServer server(TestAnswer("200 OK"));
  HttpRequest request = To(server.Url());
  request.method = "POST";
  const std::string big = Noise(300'000);
  request.source = PartsOf({"a", "bc", big});
  ASSERT_TRUE(Send(request));
  const TestHttpRequest seen = server.requests().All().at(0);
  EXPECT_EQ(seen.headers.at("transfer-encoding"), "chunked");
  EXPECT_FALSE(seen.headers.contains("content-length"));
  EXPECT_TRUE(seen.body == "abc" + big);
}

TEST(HttpBody, AnEmptyBodyIsToldWhereAServerAsksForOne) {
  const TestFolder folder;
  TestHttpServer server(TestAnswer("200 OK"));
  HttpRequest request = To(server.Url());
  ASSERT_TRUE(Send(request));
  request.method = "POST";
  ASSERT_TRUE(Send(request));
  request.source = FileSource(folder.Write("empty", "")).value();
  ASSERT_TRUE(Send(request));
  request.source = PartsOf({});
  ASSERT_TRUE(Send(request));
  const auto seen = server.requests().All();
  EXPECT_FALSE(seen[0].headers.contains("content-length"));
  EXPECT_EQ(seen[1].headers.at("content-length"), "0");
  EXPECT_EQ(seen[2].headers.at("content-length"), "0");
  EXPECT_EQ(seen[3].headers.at("transfer-encoding"), "chunked");
}

TEST(HttpBody, ASourceThatFailsOrEndsTooEarlyIsAnErrorAndNoWholeRequest) {
  const TestFolder folder;
  TestHttpServer server("hang");
  HttpRequest request = To(server.Url());
  request.method = "PUT";
  request.source = PartsOf({"abc"});
  request.source->size_bytes = 10;
  auto response = Send(request);
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("7 bytes shorter"), std::string::npos);
  request.source->read = [](char*, std::size_t) -> Result<std::size_t> {
    return Unusable("the disk is gone");
  };
  response = Send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kUnusable);
  EXPECT_EQ(FileSource(folder.path()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(FileSource(folder / "none").error().kind, ErrorKind::kNotFound);
}

// A server that refuses a body does not read it, and may hang up: its answer is what counts.
TEST(HttpBody, AnAnswerBeforeTheBodyWasSentIsTaken) {
  TestServer server([](TestConnection& connection) {
    while (!connection.ReadLine().empty()) {
    }
    connection.Write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n");
  });
  HttpRequest request = To("http://" + server.Place() + "/");
  request.method = "PUT";
  request.source = PartsOf(std::vector<std::string>(500, std::string(1 << 16, 'x')));
  const auto response = Send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
}

TEST(HttpBody, GoesToASinkPartByPart) {
  const std::string bytes = Noise(3'000'000);
  for (const std::string& head : {"Content-Length: 3000000\r\n\r\n"s, "\r\n"s}) {
    TestHttpServer server("HTTP/1.1 200 OK\r\n" + head + bytes);
    HttpRequest request = To(server.Url());
    std::string got;
    std::size_t largest = 0;
    request.sink = [&](std::string_view part) -> Result<void> {
      got += part;
      largest = std::max(largest, part.size());
      return {};
    };
    const auto response = Send(request);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(got == bytes);
    EXPECT_LE(largest, 1U << 18);
    EXPECT_TRUE(response->body.empty());
    EXPECT_FALSE(response->cut);
  }
}

TEST(HttpBody, ASinkThatWantsNoMoreEndsTheCall) {
  TestHttpServer server("HTTP/1.1 200 OK\r\n\r\n" + std::string(3'000'000, 'x'));
  HttpRequest request = To(server.Url());
  int parts = 0;
  request.sink = [&](std::string_view) -> Result<void> {
    ++parts;
    return Temporary("the disk is full");
  };
  const auto response = Send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(response.error().message.find("the disk is full"), std::string::npos);
  EXPECT_EQ(parts, 1);
}

TEST(HttpBody, WhatWentWrongIsNotTakenForTheFile) {
  TestHttpServer server("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
  HttpRequest request = To(server.Url());
  request.sink = [](std::string_view) -> Result<void> { return Failed("not for a 404"); };
  const auto response = Send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "gone");
}

TEST(HttpBody, AnAnswerThatEndsTooEarlyIsAnError) {
  TestHttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  const auto response = Send(To(server.Url()));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(response.error().message.find("middle"), std::string::npos);
}

// Each byte came within any limit that a single wait had.
TEST(HttpLimit, AServerThatDripsDoesNotOutlastTheDeadline) {
  for (const std::string& begin :
       {""s, "HTTP/1.1 200 OK\r\n"s, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n"s}) {
    TestServer server([&](TestConnection& connection) {
      ReadTestRequest(connection);
      connection.Write(begin);
      const char drop = begin.empty() ? 'H' : 'x';
      const auto end = Clock::now() + 30s;
      // Until nobody listens: a write to a connection that was closed fails.
      while (send(connection.fd(), &drop, 1, MSG_NOSIGNAL) == 1 && Clock::now() < end) {
        std::this_thread::sleep_for(5ms);
      }
    });
    const auto begun = Clock::now();
    const auto response = Send(To("http://" + server.Place() + "/"), 300ms);
    ASSERT_FALSE(response);
    const ErrorKind wanted = begin.empty() ? response.error().kind : ErrorKind::kTimedOut;
    EXPECT_EQ(response.error().kind, wanted) << response.error().message;
    EXPECT_LT(Clock::now() - begun, 10s);
  }
}

TEST(HttpLimit, AServerThatSendsWithoutAnEndDoesNotOutlastTheDeadline) {
  TestServer server([](TestConnection& connection) {
    ReadTestRequest(connection);
    connection.Write("HTTP/1.1 200 OK\r\n\r\n");
    const std::string much(1 << 20, 'x');
    while (send(connection.fd(), much.data(), much.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  HttpRequest request = To("http://" + server.Place() + "/");
  request.sink = [](std::string_view) -> Result<void> { return {}; };
  const auto response = Send(request, 300ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimedOut) << response.error().message;
}

TEST(HttpLimit, AServerThatTakesNothingDoesNotOutlastTheDeadline) {
  TestServer server([](TestConnection& connection) {
    pollfd fd{connection.fd(), POLLRDHUP, 0};
    poll(&fd, 1, 30'000);
  });
  HttpRequest request = To("http://" + server.Place() + "/");
  request.method = "PUT";
  request.source = PartsOf(std::vector<std::string>(1000, std::string(1 << 16, 'x')));
  const auto response = Send(request, 300ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimedOut) << response.error().message;
}

TEST(HttpLimit, SilenceHasALimitOfItsOwn) {
  TestHttpServer server("hang");
  HttpRequest request = To(server.Url());
  request.silence_limit = 200ms;
  const auto response = Send(request, 60s);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimedOut);
  EXPECT_NE(response.error().message.find("200ms"), std::string::npos) << response.error().message;
}

TEST(HttpLimit, ATlsHandshakeThatHangsDoesNotOutlastTheLimit) {
  TestServer server([](TestConnection& connection) { connection.Hang(); });
  HttpRequest request = To("https://" + server.Place() + "/");
  request.connect_limit = 200ms;
  const auto response = Send(request, 60s);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimedOut) << response.error().message;
}

TEST(HttpLimit, ACallEndsWhenADescriptorSaysSo) {
  TestHttpServer server("hang");
  const Descriptor stop(eventfd(0, EFD_CLOEXEC));
  Interrupt interrupt = Within(60s);
  interrupt.stop_descriptor = stop.get();
  HttpSession session;
  const HttpRequest request = To(server.Url());
  auto call = std::async(std::launch::async, [&] { return session.Send(request, interrupt); });
  ASSERT_TRUE(server.requests().WaitFor(1));
  const std::uint64_t one = 1;
  ASSERT_EQ(write(stop.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  const auto response = call.get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary) << response.error().message;
}

TEST(HttpRedirect, IsFollowedWhenThatIsAskedFor) {
  TestHttpServer target(TestAnswer("200 OK"));
  TestHttpServer server([&](const TestHttpRequest& request) {
    if (request.target == "/a/b?c=d") return TestAnswer("307 There", "Location: next\r\n");
    if (request.target == "/a/next") return TestAnswer("302 There", "Location: /other\r\n");
    return TestAnswer("301 There", "Location: " + target.Url("/end") + "\r\n");
  });
  HttpRequest request = To(server.Url("/a/b?c=d"));
  request.headers = {{"Authorization", "secret"}, {"X-Other", "1"}};
  request.redirects_max = 3;
  const auto response = Send(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->url, target.Url("/end"));
  EXPECT_EQ(server.requests().All().back().headers.at("authorization"), "secret");
  const TestHttpRequest seen = target.requests().All().at(0);
  EXPECT_EQ(seen.target, "/end");
  EXPECT_EQ(seen.headers.at("x-other"), "1");
  EXPECT_FALSE(seen.headers.contains("authorization")) << "a secret for one host went to another";

  request.redirects_max = 2;
  EXPECT_EQ(Send(request)->status, 301);
  request.redirects_max = 5;
  request.method = "POST";
  EXPECT_EQ(Send(request)->status, 307) << "a POST is carried out where it was sent to";
}

TEST(HttpRedirect, WhoLoggedInByTheUrlStaysSoOnThatHost) {
  TestHttpServer server([](const TestHttpRequest& request) {
    return request.target == "/" ? TestAnswer("302 There", "Location: /next\r\n")
                                 : TestAnswer("200 OK");
  });
  HttpRequest request = To("http://user:word@" + server.Place() + "/");
  request.redirects_max = 1;
  ASSERT_TRUE(Send(request));
  for (const TestHttpRequest& seen : server.requests().All()) {
    EXPECT_EQ(seen.headers.at("authorization"), "Basic dXNlcjp3b3Jk") << seen.target;
  }
}

TEST(HttpRedirect, NeverLeadsToAnAddressThatIsRefused) {
  TestHttpServer server(TestAnswer("302 There", "Location: http://169.254.169.254/token\r\n"));
  HttpRequest request = To(server.Url());
  request.redirects_max = 1;
  const auto response = Send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kInvalid);
}

TEST(HttpUnixSocket, IsCalledInPlaceOfTheHost) {
  const TestFolder folder;
  const std::string path = (folder / "docker.sock").string();
  TestJournal<TestHttpRequest> requests;
  TestServer server(path, [&](TestConnection& connection) {
    for (;;) {
      const TestHttpRequest request = ReadTestRequest(connection);
      if (request.method.empty()) return;
      requests.Add(request);
      connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
    }
  });
  HttpSession session;
  HttpRequest request = To("http://docker/_ping");
  request.unix_socket = path;
  for (int i = 0; i < 2; ++i) {
    const auto response = session.Send(request, Within(10s));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "OK");
  }
  EXPECT_EQ(requests.All().at(0).target, "/_ping");
  EXPECT_EQ(requests.All().at(0).headers.at("host"), "docker");
  EXPECT_EQ(server.accepted(), 1);
}

TEST(HttpUnixSocket, ThatIsNotThereIsTemporaryAndTold) {
  const TestFolder folder;
  HttpRequest request = To("http://docker/_ping");
  request.unix_socket = folder / "docker.sock";
  const auto response = Send(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary);
  EXPECT_NE(response.error().message.find("docker.sock"), std::string::npos);
  request.unix_socket = folder / std::string(200, 'x');
  EXPECT_EQ(Send(request).error().kind, ErrorKind::kInvalid);
}

TEST(HttpMetadata, IsCalledOnlyByASessionThatMay) {
  HttpSession session({.ca_file = {}, .may_call_metadata = true});
  HttpRequest request = To("http://169.254.169.254/computeMetadata/v1/");
  request.connect_limit = 200ms;
  const auto answer = session.Send(request, Within(1s));
  if (!answer) {  // this machine may be one of a cloud's
    EXPECT_NE(answer.error().kind, ErrorKind::kInvalid) << answer.error().message;
  }
  for (const std::string host : {"169.254.169.253", "[fe80::1]", "[::ffff:169.254.169.254]"}) {
    request.url = "http://" + host + "/";
    EXPECT_EQ(session.Send(request, Within(5s)).error().kind, ErrorKind::kInvalid) << host;
  }
}

}  // namespace
}  // namespace busker::io
