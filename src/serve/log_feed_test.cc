#include "serve/log_feed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "io/test_folder.h"

namespace busker::serve {
namespace {

using nlohmann::json;

// The events of a viewer until the end or until `enough` says so; 10 seconds at most.
std::vector<json> Hear(http::EventQueue& queue,
                       const std::function<bool(const std::string&)>& enough) {
  std::vector<json> heard;
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    while (const auto event = queue.Pop()) {
      EXPECT_TRUE(event->starts_with("data: ") && event->ends_with("\n\n")) << *event;
      heard.push_back(json::parse(event->substr(6)));
      if (heard.back().contains("text")) text += heard.back()["text"];
    }
    if (enough(text) || queue.closed()) return heard;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "heard only: " << text;
  return heard;
}

std::string TextOf(const std::vector<json>& heard) {
  std::string text;
  for (const json& event : heard) text += event.value("text", "");
  return text;
}

const auto kUntilTheEnd = [](const std::string&) { return false; };

TEST(LogFeed, TellsWhatThereIsWhatComesAndTheEnd) {
  const io::TestFolder folder;
  folder.Write("log", "one\n");
  LogFeed feed;
  const auto queue = feed.Follow(folder.path(), [] { return false; });
  ASSERT_NE(queue, nullptr);
  auto heard = Hear(*queue, [](const std::string& text) { return text == "one\n"; });
  EXPECT_EQ(heard[0]["begin"], true);
  folder.Write("log", "one\ntwo\n");
  heard = Hear(*queue, [](const std::string& text) { return text == "two\n"; });
  EXPECT_FALSE(heard[0].contains("begin"));
  // Who comes later gets all of it, too.
  const auto late = feed.Follow(folder.path(), [] { return false; });
  EXPECT_EQ(TextOf(Hear(*late, [](const std::string& text) { return text == "one\ntwo\n"; })),
            "one\ntwo\n");
  folder.Write("log", "one\ntwo\nthree\n");
  folder.Write("exit.json", "{}");
  for (const auto& viewer : {queue, late}) {
    heard = Hear(*viewer, kUntilTheEnd);
    EXPECT_EQ(TextOf(heard), "three\n");
    EXPECT_EQ(heard.back(), json({{"end", true}}));
    EXPECT_TRUE(viewer->closed());
  }
}

// Of an attempt that was lost there is no exit record: the record of runs alone knows its end.
TEST(LogFeed, TellsTheEndOfAnAttemptThatWasLost) {
  const io::TestFolder folder;
  folder.Write("log", "one\nand a half");
  std::atomic<int> asked = 0;
  LogFeed feed;
  const auto queue = feed.Follow(folder.path(), [&] { return ++asked == 2; });
  const auto heard = Hear(*queue, kUntilTheEnd);
  EXPECT_EQ(TextOf(heard), "one\nand a half");
  EXPECT_EQ(heard.back(), json({{"end", true}}));
  EXPECT_EQ(asked, 2);
}

// A log that nobody follows any more is let go; who comes then begins anew.
TEST(LogFeed, BeginsAnewForWhoComesAfterAllOthersHaveGone) {
  const io::TestFolder folder;
  folder.Write("log", "one\n");
  LogFeed feed;
  for (int i = 0; i < 3; ++i) {
    const auto queue = feed.Follow(folder.path(), [] { return false; });
    ASSERT_NE(queue, nullptr);
    EXPECT_EQ(TextOf(Hear(*queue, [](const std::string& text) { return !text.empty(); })), "one\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
  }
  folder.Write("exit.json", "{}");
  const auto queue = feed.Follow(folder.path(), [] { return false; });
  EXPECT_EQ(Hear(*queue, kUntilTheEnd).back(), json({{"end", true}}));
}

TEST(LogFeed, TellsTheEndOfALogThatIsOver) {
  const io::TestFolder folder;
  std::string text;
  for (int i = 0; text.size() < 200'000; ++i) text += "line " + std::to_string(i) + "\n";
  folder.Write("log", text);
  LogFeed feed;
  const auto queue = feed.Follow(folder.path(), [] { return true; });
  const std::string told = TextOf(Hear(*queue, kUntilTheEnd));
  EXPECT_LE(told.size(), 64u << 10);
  EXPECT_GT(told.size(), 60u << 10);
  EXPECT_TRUE(told.starts_with("line ")) << "it begins with a line";
  EXPECT_TRUE(text.ends_with(told));
}

TEST(LogFeed, CutsNoCharacterInTwo) {
  const io::TestFolder folder;
  const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xB6.";
  LogFeed feed;
  folder.Write("log", "");
  const auto queue = feed.Follow(folder.path(), [] { return false; });
  std::string heard;
  for (std::size_t bytes = 1; bytes <= text.size(); ++bytes) {
    folder.Write("log", text.substr(0, bytes));
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    while (const auto event = queue->Pop()) heard += TextOf({json::parse(event->substr(6))});
  }
  folder.Write("exit.json", "{}");
  heard += TextOf(Hear(*queue, kUntilTheEnd));
  EXPECT_EQ(heard, text);
}

TEST(LogFeed, ShowsBytesThatAreNoText) {
  const io::TestFolder folder;
  folder.Write("log", std::string("\xFF\xFE\x00\x1B[31m\xC3", 9) + "\n");
  LogFeed feed;
  const auto queue = feed.Follow(folder.path(), [] { return true; });
  EXPECT_EQ(TextOf(Hear(*queue, kUntilTheEnd)),
            std::string("\xEF\xBF\xBD\xEF\xBF\xBD\0\x1B[31m\xEF\xBF\xBD\n", 19 - 3));
}

// Who followed the log of a run that goes on went on doing so when their token was revoked.
TEST(LogFeed, TellsNothingMoreToWhoMayNotLookAnyMore) {
  const io::TestFolder folder;
  folder.Write("log", "one\n");
  LogFeed feed;
  const auto queue = feed.Follow(folder.path(), [] { return false; });
  const auto other = feed.Follow(folder.path(), [] { return false; });
  queue->OnlyWhile([](Instant) { return false; });
  for (int i = 0; i < 1000 && !queue->closed(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(queue->closed());
  EXPECT_FALSE(other->closed());
}

TEST(LogFeed, HasABound) {
  const io::TestFolder folder;
  LogFeed feed;
  std::vector<std::shared_ptr<http::EventQueue>> queues;
  for (int i = 0; i < 200; ++i) {
    queues.push_back(feed.Follow(folder.path() / std::to_string(i), [] { return false; }));
    ASSERT_NE(queues.back(), nullptr);
  }
  EXPECT_EQ(feed.Follow(folder.path() / "more", [] { return false; }), nullptr);
  EXPECT_NE(feed.Follow(folder.path() / "7", [] { return false; }), nullptr);
}

}  // namespace
}  // namespace busker::serve
