// HTTP as it comes over the wire: what is answered, refused, and let go.
#include "http/listener_fixture.h"

#include <gtest/gtest.h>

#include <thread>

namespace busker::http {
namespace {

class ListenerTest : public ListenerFixture {};

TEST_F(ListenerTest, AnswersOneRequestAfterTheOther) {
  const io::Descriptor fd = Connect();
  for (const char* const path : {"/a", "/b"}) {
    Send(fd, std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = Receive(fd, std::string("GET ") + path);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  }
  Send(fd,
       "GET /c HTTP/1.1\r\nHost: x\r\n\r\nPOST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
       "Connection: close\r\n\r\nabc");
  const std::string both = Receive(fd);
  EXPECT_NE(both.find("GET /c \n"), std::string::npos);
  EXPECT_NE(both.find("POST /d abc\n(closed)"), std::string::npos) << both;
}

TEST_F(ListenerTest, SendsTheHeadersThatKeepBrowsersSafeWithEveryAnswer) {
  for (const char* const request :
       {"GET / HTTP/1.0\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n"}) {
    const std::string answer = Ask(request);
    for (const char* const header :
         {"Content-Security-Policy: default-src 'none';", "X-Content-Type-Options: nosniff",
          "Referrer-Policy: no-referrer", "Cache-Control: no-store",
          "Cross-Origin-Resource-Policy: same-origin", "Server: busker\r\n"}) {
      EXPECT_NE(answer.find(header), std::string::npos) << header << " in " << answer;
    }
    EXPECT_EQ(answer.find("Access-Control-"), std::string::npos);
  }
}

TEST_F(ListenerTest, AnswersAHeadWithTheLengthAndNoBody) {
  const std::string answer = Ask("HEAD /abc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 11\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n(closed)")) << answer;
}

TEST_F(ListenerTest, RefusesWhatIsNoRequestOrTwo) {
  const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n";
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& request :
       {std::string("hello\r\n\r\n"),
        std::string("GET /\r\n\r\n"),
        std::string("GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
        std::string("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("GET / HTTP/1.1\nHost: x\n\n"),
        get + "A b: c\r\n\r\n",
        get + " folded: c\r\n\r\n",
        get + "A: b\r\n folded\r\n\r\n",
        get + "A: b\r\n\tfolded\r\n\r\n",
        get + "A: b\rC: d\r\n\r\n",
        get + "A : b\r\n\r\n",
        get + ": b\r\n\r\n",
        get + std::string("A: \0b\r\n\r\n", 9),
        post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        post + "Content-Length: -1\r\n\r\n",
        post + "Content-Length: +3\r\n\r\nabc",
        post + "Content-Length: 0x3\r\n\r\nabc",
        post + "Content-Length: 99999999999999999999\r\n\r\n",
        post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n"}) {
    asked_ = 0;
    const std::string answer = Ask(request);
    EXPECT_EQ(asked_, 0) << request;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4")) << request << answer;
    EXPECT_TRUE(answer.ends_with("(closed)")) << request << answer;
  }
}

TEST_F(ListenerTest, GoesOnAfterAHandlerThatThrew) {
  const io::Descriptor fd = Connect();
  Send(fd, "GET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Receive(fd, "of its own").starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(
      Ask("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ListenerTest, RefusesWhatIsTooLarge) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_TRUE(
      Ask(head + "A: " + std::string(17 << 10, 'a') + "\r\n\r\n").starts_with("HTTP/1.1 431"));
  std::string many = head;
  for (int i = 0; i < 101; ++i) many += "A" + std::to_string(i) + ": b\r\n";
  EXPECT_TRUE(Ask(many + "\r\n").starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(Ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
                  .starts_with("HTTP/1.1 413"));
  const io::Descriptor fd = Connect();
  Send(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'a') + "\r\n";
  for (int i = 0; i < 20; ++i) Send(fd, chunk);
  EXPECT_TRUE(Receive(fd).starts_with("HTTP/1.1 413"));
  EXPECT_EQ(asked_, 0);
}

TEST_F(ListenerTest, SendsEventsUntilTheyEnd) {
  const io::Descriptor fd = Connect();
  Send(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = Receive(fd, "\r\n\r\n");
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos) << head;
  events_->Push(std::make_shared<const std::string>("data: one\n\n"));
  EXPECT_EQ(Receive(fd, "\n\n"), "data: one\n\n");
  events_->Push(std::make_shared<const std::string>("data: two\n\n"));
  events_->Close();
  EXPECT_EQ(Receive(fd), "data: two\n\n(closed)");
}

// The limit of 10 seconds for a header went on while its answer was made.
TEST_F(ListenerTest, WaitsForAnAnswerLongerThanForARequest) {
  const io::Descriptor fd = Connect();
  Send(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // so that the rest comes by itself
  Send(fd, "\r\n");
  std::jthread releasing([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10'500));
    released_ = true;
  });
  std::string answer = Receive(fd, "HTTP/1.1 200");
  if (answer.ends_with("(nothing came)")) answer = Receive(fd, "HTTP/1.1 200");  // in ten seconds
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
}

TEST_F(ListenerTest, IsNotHeldUpByWhoSaysNothingOrByASlowAnswer) {
  std::vector<io::Descriptor> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(Connect());
  for (int i = 0; i < 3; ++i) {
    silent.push_back(Connect());
    Send(silent.back(), "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  while (asked_ < 3) std::this_thread::yield();
  EXPECT_TRUE(
      Ask("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
  released_ = true;
}

// News that came after the end woke a connection that was gone, in memory that was given back.
TEST_F(ListenerTest, EndsWhileRequestsAreAnsweredAndViewersWatch) {
  const io::Descriptor watching = Connect(), slow = Connect(), silent = Connect();
  Send(watching, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  Receive(watching, "\r\n\r\n");
  Send(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  while (asked_ < 2) std::this_thread::yield();
  std::jthread releasing([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    released_ = true;
  });
  listener_.reset();
  events_->Push(std::make_shared<const std::string>("data: late\n\n"));
  EXPECT_TRUE(Receive(silent).ends_with("(closed)"));
}

TEST(ListenerAddress, IsOneOfTheLoopbackInterfaceUnlessOthersMayReadAlong) {
  for (const char* const address : {"localhost", "", "127.0.0.1.", "example.com"}) {
    EXPECT_EQ(Listener::Bind({.address = address}).error().kind, ErrorKind::kInvalid) << address;
  }
  for (const char* const address : {"0.0.0.0", "::", "10.0.0.1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(Listener::Bind({.address = address}).error().kind, ErrorKind::kUnusable) << address;
  }
  EXPECT_TRUE(Listener::Bind({.address = "0.0.0.0", .insecure = true}));
  const auto first = Listener::Bind({.address = "127.0.0.1"}).value();
  EXPECT_EQ(Listener::Bind({.address = "127.0.0.1", .port = first->port()}).error().kind,
            ErrorKind::kTemporary);
}

}  // namespace
}  // namespace busker::http
