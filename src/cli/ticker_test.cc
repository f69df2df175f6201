#include "cli/ticker.h"

#include <gtest/gtest.h>

namespace busker::cli {
namespace {

// A run that computed for an hour looked as one that hangs.
TEST(Ticker, TellsTheTimeAsAClockDoesAndTheMemoryWhereItIsKnown) {
  EXPECT_EQ(TickOf("training", Milliseconds(7'900), 312'400'000), "training 0:07  312 MB");
  EXPECT_EQ(TickOf("load", Milliseconds(61'000), 0), "load 1:01");
  EXPECT_EQ(TickOf("load", std::chrono::hours(2) + std::chrono::seconds(5), 0), "load 2:00:05");
}

}  // namespace
}  // namespace busker::cli
