#include "cli/patience.h"

#include <gtest/gtest.h>

#include <vector>

namespace busker::cli {
namespace {

using std::chrono::seconds;

TEST(Patience, LastsTenMinutesWithPausesThatGrow) {
  Patience patience;
  Patience::Instant now{};
  std::vector<int> pauses;
  while (const auto pause = patience.PauseAfterFault(now)) {
    pauses.push_back(static_cast<int>(pause->count()));
    now += *pause;
  }
  EXPECT_EQ(std::vector(pauses.begin(), pauses.begin() + 7), (std::vector{1, 2, 4, 8, 16, 30, 30}));
  EXPECT_EQ(pauses.back(), 30);
  EXPECT_GT(now - Patience::Instant{}, seconds(600));
  EXPECT_LE(now - Patience::Instant{}, seconds(630));
}

TEST(Patience, BeginsAnewAfterWhatHasGoneWell) {
  Patience patience;
  Patience::Instant now{};
  patience.PauseAfterFault(now);
  patience.PauseAfterFault(now);
  now += seconds(601);
  EXPECT_EQ(patience.PauseAfterFault(now), std::nullopt);
  patience.Forget();
  EXPECT_EQ(patience.PauseAfterFault(now), seconds(1));
  EXPECT_EQ(patience.PauseAfterFault(now + seconds(600)), seconds(2));
}

}  // namespace
}  // namespace busker::cli
