#include "notify/heartbeat.h"

#include <gtest/gtest.h>

#include <atomic>

#include "io/test_server.h"

namespace busker::notify {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

HeartbeatSettings Every(Milliseconds period, const std::string& url) {
  setenv("no_proxy", "*", 1);
  return {url, period, "", 10s};
}

void Nothing(const Error&) {}

TEST(Heartbeat, CallsAtOnceAndThenEveryPeriod) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  const auto begin = Clock::now();
  const Heartbeat heartbeat(
      Every(200ms, server.Url("/ping")), [] { return true; }, Nothing);
  ASSERT_TRUE(server.requests().WaitFor(4));
  EXPECT_GE(Clock::now() - begin, 600ms);
  EXPECT_EQ(server.requests().All().at(0).method, "GET");
  EXPECT_EQ(server.requests().All().at(0).target, "/ping");
}

TEST(Heartbeat, DoesNotWaitAPeriodForItsFirstCall) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  HeartbeatSettings settings = Every(1h, server.Url());
  settings.body = R"({"from":"busker"})";
  const Heartbeat heartbeat(
      settings, [] { return true; }, Nothing);
  ASSERT_TRUE(server.requests().WaitFor(1, 10s));
  EXPECT_EQ(server.requests().All().at(0).method, "POST");
  EXPECT_EQ(server.requests().All().at(0).body, settings.body);
}

TEST(Heartbeat, StopsWhenAllIsNotWellAndGoesOnWhenItIsAgain) {
  io::TestHttpServer server(io::TestAnswer("200 OK"));
  std::atomic<bool> well = false;
  io::TestJournal<bool> asked;
  const auto is_well = [&] {
    const bool answer = well;
    asked.Add(answer);
    return answer;
  };
  const Heartbeat heartbeat(Every(20ms, server.Url()), is_well, Nothing);
  ASSERT_TRUE(asked.WaitFor(5));
  EXPECT_TRUE(server.requests().All().empty());
  well = true;
  ASSERT_TRUE(server.requests().WaitFor(2));
  well = false;
  const std::size_t before = asked.All().size();
  ASSERT_TRUE(asked.WaitFor(before + 2));  // a call that was under way has ended
  const std::size_t calls = server.requests().All().size();
  ASSERT_TRUE(asked.WaitFor(before + 6));
  EXPECT_EQ(server.requests().All().size(), calls);
  well = true;
  EXPECT_TRUE(server.requests().WaitFor(calls + 1));
}

TEST(Heartbeat, AFailureIsToldAndTheNextCallIsMade) {
  io::TestHttpServer server(io::TestAnswer("500 Oops"));
  io::TestJournal<std::string> failures;
  const Heartbeat heartbeat(
      Every(20ms, server.Url("/T0KEN")), [] { return true; },
      [&](const Error& error) { failures.Add(error.message); });
  ASSERT_TRUE(failures.WaitFor(3));
  EXPECT_NE(failures.All()[0].find("500"), std::string::npos);
  EXPECT_EQ(failures.All()[0].find("T0KEN"), std::string::npos);
}

TEST(Heartbeat, StopsAtOnceInTheMiddleOfACallAndOfAWait) {
  io::TestHttpServer hanging("hang");
  io::TestHttpServer quick(io::TestAnswer("200 OK"));
  for (io::TestHttpServer* server : {&hanging, &quick}) {
    auto heartbeat = std::make_unique<Heartbeat>(
        Every(1h, server->Url()), [] { return true; },
        [](const Error& error) { ADD_FAILURE() << error.message; });
    ASSERT_TRUE(server->requests().WaitFor(1));
    const auto begin = Clock::now();
    heartbeat.reset();
    EXPECT_LT(Clock::now() - begin, 5s);
  }
}

}  // namespace
}  // namespace busker::notify
