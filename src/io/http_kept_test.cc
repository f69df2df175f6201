// Connections that are kept, and what happens when the server does not keep them.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "io/http_session.h"
#include "io/test_server.h"

namespace busker::io {
namespace {

using namespace std::chrono_literals;

const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

class HttpKept : public testing::Test {
 protected:
  HttpKept() { setenv("no_proxy", "*", 1); }

  Result<HttpResponse> Call(const std::string& url, const std::string& method = "GET") {
    HttpRequest request;
    request.method = method;
    request.url = url;
    if (method == "POST") request.body = "x";
    return session_.Send(request, Within(10s));
  }

  HttpSession session_;
};

TEST_F(HttpKept, OneConnectionCarriesOneRequestAfterTheOther) {
  TestHttpServer server(kAnswer, true);
  for (const std::string method : {"GET", "POST", "PUT", "GET"}) {
    const auto response = Call(server.Url(), method);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "ok\n");
  }
  EXPECT_EQ(server.requests().All().size(), 4U);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpKept, AnswersWithoutABodyLeaveTheConnectionAsItWas) {
  TestHttpServer server(
      [](const TestHttpRequest& request) {
        if (request.method == "HEAD")
          return std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        if (request.target == "/none") return std::string("HTTP/1.1 204 No Content\r\n\r\n");
        if (request.target == "/same") {
          return std::string("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
        }
        return "HTTP/1.1 100 Continue\r\n\r\n" + kAnswer;
      },
      true);
  EXPECT_EQ(Call(server.Url(), "HEAD")->Header("content-length"), "9");
  EXPECT_EQ(Call(server.Url("/none"))->status, 204);
  EXPECT_EQ(Call(server.Url("/same"))->status, 304);
  EXPECT_EQ(Call(server.Url("/interim"))->body, "ok\n");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpKept, ABodyThatWasNotReadToItsEndEndsTheConnection) {
  const std::string big(1 << 20, 'x');
  TestHttpServer server("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + big, true);
  HttpRequest request;
  request.url = server.Url();
  request.response_bytes_max = 1;
  EXPECT_TRUE(session_.Send(request, Within(10s))->cut);
  EXPECT_TRUE(Call(server.Url())->body == big);
  EXPECT_EQ(server.connections(), 2);
}

// What a server says out of turn would be taken for the answer to the next request.
TEST_F(HttpKept, AServerThatSaysMoreThanItsAnswerIsNotListenedToAgain) {
  std::atomic<int> asked = 0;
  TestHttpServer server(
      [&](const TestHttpRequest&) {
        return ++asked == 1 ? kAnswer + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse"
                            : kAnswer;
      },
      true);
  EXPECT_EQ(Call(server.Url())->body, "ok\n");
  EXPECT_EQ(Call(server.Url())->body, "ok\n");
  EXPECT_EQ(server.connections(), 2);
}

// Answers the first request of each connection, reads the second, and hangs up without a word: as
// seen from here, the same as a server that closed the connection while the request was on its way.
class ForgetfulServer {
 public:
  ForgetfulServer() : server_([this](TestConnection& connection) { Serve(connection); }) {}
  std::string Url() const { return "http://" + server_.Place() + "/"; }
  int requests() const { return requests_; }
  int connections() const { return server_.accepted(); }

 private:
  void Serve(TestConnection& connection) {
    for (int i = 0; i < 2; ++i) {
      if (ReadTestRequest(connection).method.empty()) return;
      ++requests_;
      if (i == 0) connection.Write(kAnswer);
    }
  }
  std::atomic<int> requests_ = 0;
  TestServer server_;
};

TEST_F(HttpKept, ARequestThatMayBeRepeatedIsSentOnceMoreByANewConnection) {
  ForgetfulServer server;
  ASSERT_TRUE(Call(server.Url()));
  const auto response = Call(server.Url());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(server.requests(), 3);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpKept, ARequestThatMayHaveBeenCarriedOutIsNotRepeated) {
  ForgetfulServer server;
  ASSERT_TRUE(Call(server.Url()));
  const auto response = Call(server.Url(), "POST");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary) << response.error().message;
  EXPECT_EQ(server.requests(), 2);

  HttpRequest request;  // but it is when it says that it may be
  request.method = "POST";
  request.url = server.Url();
  request.is_repeatable = true;
  ASSERT_TRUE(session_.Send(request, Within(10s)));
  ASSERT_TRUE(session_.Send(request, Within(10s)));
  EXPECT_EQ(server.requests(), 5);
}

TEST_F(HttpKept, ARequestByANewConnectionIsNeverRepeated) {
  TestHttpServer server("");
  const auto response = Call(server.Url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTemporary);
  EXPECT_EQ(server.requests().All().size(), 1U);
}

TEST_F(HttpKept, AnAnswerThatHadBegunIsNotAskedForAgain) {
  std::atomic<int> asked = 0;
  TestHttpServer server(
      [&](const TestHttpRequest&) { return ++asked == 1 ? kAnswer : kAnswer.substr(0, 20); }, true);
  ASSERT_TRUE(Call(server.Url()));
  HttpRequest request;
  request.url = server.Url();
  const auto response = session_.Send(request, Within(300ms));  // the rest never comes
  ASSERT_FALSE(response);
  EXPECT_EQ(asked, 2);
}

TEST_F(HttpKept, AConnectionThatTheServerClosedMeanwhileIsNotUsed) {
  std::atomic<int> open = 0;
  TestServer server([&](TestConnection& connection) {
    ++open;
    if (!ReadTestRequest(connection).method.empty()) connection.Write(kAnswer);
    --open;
  });
  const std::string url = "http://" + server.Place() + "/";
  ASSERT_TRUE(Call(url, "POST"));
  while (open > 0) std::this_thread::yield();
  // The server's end may still be on its way: then it is a request that nobody answered.
  bool answered = false;
  for (int i = 0; i < 1000 && !answered; ++i) answered = Call(url, "POST").has_value();
  EXPECT_TRUE(answered);
}

TEST_F(HttpKept, ManyThreadsShareASessionAndEachHasAConnection) {
  TestHttpServer server(
      [](const TestHttpRequest& request) {
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(request.target.size()) +
               "\r\n\r\n" + request.target;
      },
      true);
  constexpr int kThreads = 8, kCalls = 50;
  std::vector<std::future<int>> calls;
  for (int thread = 0; thread < kThreads; ++thread) {
    calls.push_back(std::async(std::launch::async, [&, thread] {
      int good = 0;
      for (int i = 0; i < kCalls; ++i) {
        const std::string target = "/" + std::to_string(thread) + "/" + std::to_string(i);
        const auto response = Call(server.Url(target));
        good += response && response->body == target ? 1 : 0;
      }
      return good;
    }));
  }
  for (auto& call : calls) EXPECT_EQ(call.get(), kCalls);
  EXPECT_LE(server.connections(), kThreads);
}

TEST_F(HttpKept, NoMoreAreKeptThanTheBound) {
  std::vector<std::unique_ptr<TestHttpServer>> servers;
  for (std::size_t i = 0; i <= HttpSession::kIdleMax; ++i) {
    servers.push_back(std::make_unique<TestHttpServer>(kAnswer, true));
    ASSERT_TRUE(Call(servers.back()->Url()));
  }
  ASSERT_TRUE(Call(servers.back()->Url()));
  EXPECT_EQ(servers.back()->connections(), 1);
  ASSERT_TRUE(Call(servers.front()->Url()));
  EXPECT_EQ(servers.front()->connections(), 2) << "the oldest had to go";
}

}  // namespace
}  // namespace busker::io
