#include "http/event_queue.h"

#include <gtest/gtest.h>

namespace busker::http {
namespace {

TEST(EventQueue, ClosesForWhoMayNotWatchAnyMore) {
  EventQueue queue;
  bool may_watch = true;
  int woken = 0;
  queue.OnlyWhile([&](Instant) { return may_watch; });
  queue.OnNews([&] { ++woken; });
  queue.Push(std::make_shared<const std::string>("data: x\n\n"));
  queue.LookWhether(Now());
  EXPECT_FALSE(queue.closed());
  may_watch = false;
  queue.LookWhether(Now());
  EXPECT_TRUE(queue.closed()) << "what waited is not for them";
  EXPECT_EQ(queue.Pop(), nullptr);
  EXPECT_EQ(woken, 2);
}

// A log that was written faster than its viewer read took a gigabyte of memory for each.
TEST(EventQueue, HoldsAMegabyteForAViewerThatIsSlow) {
  EventQueue queue;
  const auto event = std::make_shared<const std::string>(300'000, 'x');
  for (int i = 0; i < 3; ++i) queue.Push(event);
  EXPECT_FALSE(queue.closed());
  queue.Push(event);
  int got = 0;
  while (queue.Pop()) ++got;
  EXPECT_EQ(got, 3);
  EXPECT_TRUE(queue.closed());
  EventQueue other;
  other.Push(std::make_shared<const std::string>(2'000'000, 'x'));
  EXPECT_NE(other.Pop(), nullptr) << "one event is told, however long";
  EXPECT_FALSE(other.closed());
}

TEST(EventQueue, LetsAViewerGoThatIsSlowerThanTheNews) {
  EventQueue queue;
  const auto event = std::make_shared<const std::string>("data: x\n\n");
  int woken = 0;
  queue.OnNews([&] { ++woken; });
  for (int i = 0; i < 1001; ++i) queue.Push(event);
  EXPECT_EQ(woken, 1001);
  EXPECT_FALSE(queue.closed()) << "what waits is still to be had";
  int got = 0;
  while (queue.Pop()) ++got;
  EXPECT_EQ(got, 1000);
  EXPECT_TRUE(queue.closed());
}

}  // namespace
}  // namespace busker::http
