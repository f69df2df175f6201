#include "metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace {

// The judge: looks at every pair of one that happened and one that did not.
double AreaByPairs(const std::vector<Scored>& scored) {
  double pairs = 0;
  double won = 0;
  for (const auto& a : scored) {
    for (const auto& b : scored) {
      if (!a.happened || b.happened) continue;
      ++pairs;
      won += a.probability > b.probability ? 1 : a.probability == b.probability ? 0.5 : 0;
    }
  }
  return won / pairs;
}

TEST(AreaUnderCurve, AgreesWithCountingPairs) {
  std::mt19937 random(1);
  const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<Scored> scored = {{0.5, true}, {0.5, false}};
    const auto levels = static_cast<unsigned>(1 + below(20));  // few levels: many ties
    for (int i = below(60); i > 0; --i) {
      scored.push_back({below(levels) / 20.0, below(3) == 0});
    }
    EXPECT_NEAR(AreaUnderCurve(scored), AreaByPairs(scored), 1e-12) << "trial " << trial;
  }
}

TEST(AreaUnderCurve, IsOneForAPerfectOrderAndZeroForTheOpposite) {
  EXPECT_EQ(AreaUnderCurve(std::vector<Scored>{{0.1, false}, {0.2, false}, {0.3, true}}), 1);
  EXPECT_EQ(AreaUnderCurve(std::vector<Scored>{{0.1, true}, {0.2, false}, {0.3, false}}), 0);
}

TEST(AreaUnderCurve, IsAHalfWhenAllAreEqual) {
  EXPECT_EQ(AreaUnderCurve(std::vector<Scored>{{0.7, true}, {0.7, false}, {0.7, false}}), 0.5);
}

TEST(LogLoss, IsTheMeanSurprise) {
  const std::vector<Scored> scored = {{0.5, true}, {0.25, false}};
  EXPECT_NEAR(LogLoss(scored), -(std::log(0.5) + std::log(0.75)) / 2, 1e-15);
}

TEST(LogLoss, StaysFiniteWhenTheCertainDoesNotHappen) {
  EXPECT_NEAR(LogLoss(std::vector<Scored>{{1, false}, {0, true}}), -std::log(1e-15), 0.01);
}

TEST(BaseRate, IsTheShareThatHappened) {
  EXPECT_EQ(BaseRate(std::vector<Scored>{{0, true}, {0, false}, {0, false}, {0, false}}), 0.25);
}

}  // namespace
