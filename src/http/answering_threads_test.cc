#include <fmt/core.h>

#include <set>

#include "http/listener_fixture.h"

namespace busker::http {
namespace {

// As the server of predictions has it: threads that answer where they read.
class AnsweringThreadsTest : public ListenerFixture {
 protected:
  AnsweringThreadsTest() {
    listener_ = Listener::Bind({.address = "127.0.0.1",
                                .answering_threads = 3,
                                .for_programs = true,
                                .body_bytes_max = 10})
                    .value();
    listener_->Run([this](const Request& request) {
      {
        const std::lock_guard lock(mutex_);
        threads_.insert(std::this_thread::get_id());
      }
      return Answer(request);
    });
  }
  // Asked again and again, over a connection of its own each time, for a minute.
  [[nodiscard]] bool IsAnsweredAtLast(const std::string& request) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < end) {
      const io::Descriptor connection = Connect();
      Send(connection, request);
      if (Receive(connection, "\r\n\r\n").find("HTTP/1.1 200") != std::string::npos) return true;
    }
    return false;
  }

  std::mutex mutex_;
  std::set<std::thread::id> threads_;  // that answered
};

constexpr char kGet[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(AnsweringThreadsTest, EachThreadHasItsShareOfTheConnections) {
  std::vector<io::Descriptor> connections;
  for (int i = 0; i < 6; ++i) connections.push_back(Connect());
  for (int round = 0; round < 3; ++round) {
    for (const io::Descriptor& connection : connections) {
      Send(connection, kGet);
      EXPECT_NE(Receive(connection, "GET /a").find("HTTP/1.1 200"), std::string::npos);
    }
  }
  EXPECT_EQ(threads_.size(), 3U);
}

TEST_F(AnsweringThreadsTest, WhatIsForProgramsHasNoHeadersForBrowsers) {
  const std::string answer = Ask("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.find("Content-Security-Policy"), std::string::npos) << answer;
}

TEST_F(AnsweringThreadsTest, TheLimitOfABodyIsNamed) {
  const std::string answer =
      Ask("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world");
  EXPECT_NE(answer.find("HTTP/1.1 413"), std::string::npos) << answer;
  EXPECT_NE(answer.find("{\"error\": \"the body has more than 10 bytes\"}"), std::string::npos);
}

// It was closed without a word, which clients take for a fault of the network.
TEST_F(AnsweringThreadsTest, AConnectionTooManyIsToldToTryAgain) {
  listener_.reset();
  listener_ = Listener::Bind({.address = "127.0.0.1",
                              .answering_threads = 2,
                              .for_programs = true,
                              .connections_max = 16})
                  .value();
  listener_->Run([this](const Request& request) { return Answer(request); });
  std::vector<io::Descriptor> connections;
  for (int i = 0; i < 16; ++i) {
    connections.push_back(Connect());
    Send(connections.back(), kGet);
    EXPECT_NE(Receive(connections.back(), "GET /a").find("HTTP/1.1 200"), std::string::npos);
  }
  const std::string answer = Ask(kGet);
  EXPECT_NE(answer.find("HTTP/1.1 503"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos) << answer;
  EXPECT_NE(
      answer.find("{\"error\": \"there are as many connections as Busker takes; try again\"}"),
      std::string::npos)
      << answer;
  Send(connections.front(), kGet);  // those that are there go on
  EXPECT_NE(Receive(connections.front(), "GET /a").find("HTTP/1.1 200"), std::string::npos);
  connections.pop_back();
  EXPECT_TRUE(IsAnsweredAtLast(kGet));
}

// Each body had a limit and all together had none: 4,096 connections could hold 64 GiB.
TEST_F(AnsweringThreadsTest, BodiesThatComeHaveALimitTogether) {
  constexpr std::size_t kBody = 100'000;
  listener_.reset();
  listener_ = Listener::Bind({.address = "127.0.0.1",
                              .answering_threads = 2,
                              .for_programs = true,
                              .body_bytes_max = kBody,
                              .held_bytes_max = 0})
                  .value();
  listener_->Run([this](const Request& request) { return Answer(request); });
  const std::string head =
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kBody) + "\r\n\r\n";
  std::vector<io::Descriptor> slow;
  std::vector<pollfd> waits;
  for (int i = 0; i < 5; ++i) {  // four fit
    slow.push_back(Connect());
    waits.push_back({slow.back().get(), POLLIN, 0});
    Send(slow.back(), head + std::string(kBody - 1, 'x'));
  }
  ASSERT_GT(poll(waits.data(), waits.size(), 60'000), 0) << "all of them are held";
  for (std::size_t i = 0; i < slow.size(); ++i) {
    if (waits[i].revents == 0) continue;
    const std::string answer = Receive(slow[i]);
    EXPECT_NE(answer.find("HTTP/1.1 503"), std::string::npos) << answer;
    EXPECT_NE(answer.find("others are sending as much as can be held at once; try again"),
              std::string::npos)
        << answer;
  }
  slow.clear();  // they go, and there is room again
  EXPECT_TRUE(IsAnsweredAtLast(head + std::string(kBody, 'x')));
}

TEST_F(AnsweringThreadsTest, WhoWaitsToSendABodyIsToldToSendIt) {
  // curl waits a second for it otherwise.
  const io::Descriptor connection = Connect();
  Send(connection,
       "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(Receive(connection, "\r\n\r\n").find("HTTP/1.1 100 Continue"), std::string::npos);
  Send(connection, "hello");
  EXPECT_NE(Receive(connection, "POST /a hello").find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(AnsweringThreadsTest, AnEndWaitsForWhatIsBeingAnsweredAndTakesNothingNew) {
  const io::Descriptor idle = Connect(), slow = Connect();
  Send(idle, kGet);
  Receive(idle, "GET /a");
  Send(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  while (asked_ < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::thread ending([this] { listener_->Drain(std::chrono::seconds(10)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  released_ = true;
  const std::string answer = Receive(slow);
  EXPECT_NE(answer.find("HTTP/1.1 200"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos) << answer;
  ending.join();
}

}  // namespace
}  // namespace busker::http
