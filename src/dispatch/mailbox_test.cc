#include "dispatch/mailbox.h"

#include <gtest/gtest.h>

#include <thread>

namespace busker::dispatch {
namespace {

// A mailbox that was full when the conductor ended kept its senders for ever.
TEST(Mailbox, ThatIsClosedGivesBackWhatIsPosted) {
  Mailbox mailbox;
  for (int i = 0; i < 10'000; ++i) ASSERT_FALSE(mailbox.Post(record::NoticeOutcome{}));
  std::thread late([&] { EXPECT_TRUE(mailbox.Post(record::NoticeOutcome{})); });
  EXPECT_EQ(mailbox.Close().size(), 10'000U);
  late.join();
  EXPECT_TRUE(mailbox.Post(record::NoticeOutcome{}));
}

TEST(Mailbox, ThatIsFullLetsThemWait) {
  Mailbox mailbox;
  for (int i = 0; i < 10'000; ++i) ASSERT_FALSE(mailbox.Post(record::NoticeOutcome{}));
  std::thread late([&] { EXPECT_FALSE(mailbox.Post(record::NoticeOutcome{})); });
  std::size_t taken = 0;
  while (taken < 10'001) taken += mailbox.TakeAll(std::nullopt, std::chrono::seconds(5)).size();
  late.join();
  EXPECT_EQ(taken, 10'001U);
}

}  // namespace
}  // namespace busker::dispatch
