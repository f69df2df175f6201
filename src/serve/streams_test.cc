// What viewers are told as it happens, and when they are told nothing more.
#include <gtest/gtest.h>

#include <thread>

#include "serve/front_fixture.h"

namespace busker::serve {
namespace {

TEST_F(FrontTest, TellsALogAsItIsWritten) {
  const std::string path = "/api/v1/runs/" + RunToEnd("nightly") + "/tasks/a/attempts/1/log/live";
  const http::Response followed = Get(path);
  EXPECT_EQ(followed.type, "text/event-stream") << followed.body;
  ASSERT_NE(followed.events, nullptr);
  for (int i = 0; i < 500 && !followed.events->closed(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto event = followed.events->Pop();
    if (event && event->find("\"end\":true") != std::string::npos) return;
    if (event) {
      EXPECT_NE(event->find("hello\\nworld"), std::string::npos) << *event;
    }
  }
  ADD_FAILURE() << "no end was told";
}

TEST_F(FrontTest, LeavesRoomForWhoAsksBesideThoseWhoWatch) {
  std::vector<std::shared_ptr<http::EventQueue>> viewers;
  for (int i = 0; i < 2000; ++i) viewers.push_back(live_->Watch());
  EXPECT_NE(viewers.back(), nullptr);
  EXPECT_EQ(Get("/api/v1/live").status, 503);
  EXPECT_EQ(Get("/api/v1/me").status, 200);
  viewers.pop_back();
  EXPECT_EQ(Get("/api/v1/live").status, 200);
}

// Who watched went on doing so when their token was taken from them.
TEST_F(FrontTest, TellsNothingMoreToWhoIsNotKnownAnyMore) {
  const auto watching = Get("/api/v1/live").events, other = Get("/api/v1/live", "admin").events;
  ASSERT_TRUE(access::TokenFile(home_.folder / "tokens.json").Revoke("viewer"));
  for (int i = 0; i < 1000 && !watching->closed(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(watching->closed());
  EXPECT_FALSE(other->closed());
}

TEST_F(FrontTest, TellsViewersWhatHappens) {
  const auto queue = Get("/api/v1/live").events;
  ASSERT_NE(queue, nullptr);
  const std::string run = RunToEnd("nightly");
  std::string heard;
  for (int i = 0; i < 500 && heard.find("\"to\":\"succeeded\"") == std::string::npos; ++i) {
    while (const auto event = queue->Pop()) heard += *event;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(heard.find("\"run\":\"" + run + "\""), std::string::npos);
}

// A viewer's stream asked a guard that had been destroyed before the thread that told the stream.
TEST_F(FrontTest, EndsWhileItsStreamsAreHeldByOthers) {
  const std::string run = RunToEnd("nightly");
  const auto log = Get("/api/v1/runs/" + run + "/tasks/a/attempts/1/log/live").events;
  ASSERT_NE(log, nullptr);
  front_.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace
}  // namespace busker::serve
