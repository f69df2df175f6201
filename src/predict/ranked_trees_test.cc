// Trees by rank answer what the same trees answer when they are walked float by float, to the bit:
// random ones, asked at their thresholds and beside them, with what is missing among it.
#include "predict/ranked_trees.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace busker::predict {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Shape {
  std::size_t columns = 7, trees = 21, outputs = 1;
  int depth = 6;
  std::size_t thresholds = 40;  // of a column
  float missing = kNaN;
};

class RankedTreesTest : public testing::Test {
 protected:
  std::size_t Below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  float OddValue() {
    const float odd[] = {0.0f, -0.0f, 1e-45f, -1e-45f, 1.5f, kInfinity, -kInfinity};
    return odd[Below(std::size(odd))];
  }
  float AnyValue() {
    return Below(8) == 0 ? OddValue() : std::normal_distribution<float>(0, 3)(random_);
  }

  void ChooseThresholds(const Shape& shape) {
    thresholds_.assign(shape.columns, {});
    for (auto& its : thresholds_) {
      for (std::size_t i = 0; i < shape.thresholds; ++i) its.push_back(AnyValue());
    }
    thresholds_[0][0] = kNaN;  // nothing is below it
  }

  FileTree RandomTree(const Shape& shape) {
    FileTree tree;
    Grow(shape, tree, shape.depth);
    return tree;
  }

  std::int64_t Grow(const Shape& shape, FileTree& tree, int levels) {
    const std::size_t place = tree.left.size();
    for (auto* list : {&tree.left, &tree.right, &tree.column, &tree.default_left})
      list->push_back(-1);
    tree.condition.push_back(std::normal_distribution<float>()(random_));
    if (levels == 0 || Below(8) == 0) return static_cast<std::int64_t>(place);
    const std::size_t column = Below(shape.columns);
    tree.column[place] = static_cast<std::int64_t>(column);
    tree.condition[place] = thresholds_[column][Below(shape.thresholds)];
    tree.default_left[place] = static_cast<std::int64_t>(Below(2));
    const std::int64_t left = Grow(shape, tree, levels - 1), right = Grow(shape, tree, levels - 1);
    tree.left[place] = left;
    tree.right[place] = right;
    return static_cast<std::int64_t>(place);
  }

  Trees RandomTrees(const Shape& shape) {
    ChooseThresholds(shape);
    Trees trees;
    Trees::Use use;
    for (std::size_t i = 0; i < shape.trees; ++i) {
      EXPECT_TRUE(trees.Add(RandomTree(shape)));
      use.outputs.push_back(static_cast<std::uint32_t>(i % shape.outputs));
    }
    use.trees = shape.trees;
    use.columns = shape.columns;
    use.missing = shape.missing;
    trees.Finish(std::move(use));
    return trees;
  }

  // At thresholds, and one step beside them, more often than elsewhere.
  std::vector<float> RandomRows(const Shape& shape, std::size_t count) {
    std::vector<float> rows(count * shape.columns);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& its = thresholds_[i % shape.columns];
      const float threshold = its[Below(its.size())];
      const float values[] = {threshold,
                              std::nextafter(threshold, kInfinity),
                              std::nextafter(threshold, -kInfinity),
                              AnyValue(),
                              kNaN,
                              shape.missing};
      rows[i] = values[Below(std::size(values))];
    }
    return rows;
  }

  void ExpectSameBits(const Shape& shape, const std::string& what) {
    const Trees trees = RandomTrees(shape);
    for (const auto registers :
         {RankedTrees::Registers::kAsThereAre, RankedTrees::Registers::kNarrow}) {
      const auto ranked = RankedTrees::Of(trees, registers);
      ASSERT_NE(ranked, nullptr) << what;
      for (const std::size_t count : {1u, 5u, 31u, 32u, 100u}) {
        const std::vector<float> rows = RandomRows(shape, count);
        std::vector<float> expected(count * shape.outputs, 0.25f), sums = expected;
        trees.AddUp(rows.data(), count, shape.columns, expected.data(), shape.outputs);
        ranked->AddUp(rows.data(), count, shape.columns, sums.data(), shape.outputs);
        for (std::size_t i = 0; i < sums.size(); ++i) {
          ASSERT_EQ(std::bit_cast<std::uint32_t>(sums[i]),
                    std::bit_cast<std::uint32_t>(expected[i]))
              << what << ", sum " << i << " of " << count << " rows";
        }
      }
    }
  }

  std::mt19937 random_{20261201};
  std::vector<std::vector<float>> thresholds_;  // by column
};

TEST_F(RankedTreesTest, AnswerWhatTheTreesAnswer) {
  for (int depth = 0; depth <= 6; ++depth) {
    ExpectSameBits({.depth = depth}, "depth " + std::to_string(depth));
  }
  ExpectSameBits({.outputs = 3}, "three outputs");
  ExpectSameBits({.trees = 8}, "eight trees");
  ExpectSameBits({.missing = 1.5f}, "a value that is missing");
}

TEST_F(RankedTreesTest, AnswerTheSameWithRanksOfTwoBytes) {
  ExpectSameBits({.columns = 2, .trees = 60, .thresholds = 2000}, "many thresholds");
  ExpectSameBits({.columns = 400, .trees = 60}, "many inputs");
}

// 255 thresholds have 256 ranks, the last that a byte holds.
TEST_F(RankedTreesTest, AnswerTheSameAtTheLimitOfAByte) {
  for (const std::size_t thresholds : {254u, 255u, 256u, 257u}) {
    ExpectSameBits({.columns = 1, .trees = 100, .thresholds = thresholds},
                   std::to_string(thresholds) + " thresholds");
  }
  for (const std::size_t columns : {128u, 129u}) {
    ExpectSameBits({.columns = columns, .trees = 100}, std::to_string(columns) + " inputs");
  }
}

TEST_F(RankedTreesTest, AreNotMadeOfDeeperTrees) {
  Trees deep;
  do {
    deep = RandomTrees({.depth = 7});
  } while (deep.depth(0) < 7);
  EXPECT_EQ(RankedTrees::Of(deep), nullptr);
}

TEST_F(RankedTreesTest, AreNotMadeOfSplitsByCategory) {
  FileTree tree;
  tree.left = {1, -1, -1};
  tree.right = {2, -1, -1};
  tree.column = {0, 0, 0};
  tree.condition = {0, 1, 2};
  tree.default_left = {0, 0, 0};
  tree.kind = {1, 0, 0};
  tree.categories_nodes = {0};
  tree.categories_begins = {0};
  tree.categories_sizes = {1};
  tree.categories = {3};
  Trees trees;
  ASSERT_TRUE(trees.Add(tree));
  Trees::Use use;
  use.outputs = {0};
  use.trees = use.columns = 1;
  trees.Finish(std::move(use));
  EXPECT_EQ(RankedTrees::Of(trees), nullptr);
}

}  // namespace
}  // namespace busker::predict
